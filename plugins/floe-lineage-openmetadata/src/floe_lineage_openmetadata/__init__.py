"""The OpenMetadata lineage backend plugin for floe."""

from __future__ import annotations

from floe_lineage_openmetadata.plugin import OpenMetadataPlugin

__all__ = ["OpenMetadataPlugin"]
