"""The Marquez lineage backend plugin for floe."""
