"""A stand-in for Marquez: the same API over its own tables, and never the real server.

It exists so that lineage can be proven where the real image cannot be pulled. It says
what it is in its `Server` header, its image label and its first log line.
"""

from __future__ import annotations

VERSION = "0.1.0"
SERVER_HEADER = f"floe-local-marquez-stand-in/{VERSION}"
