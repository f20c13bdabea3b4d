from floe_lineage_atlan.plugin import AtlanPlugin

__all__ = ["AtlanPlugin"]
