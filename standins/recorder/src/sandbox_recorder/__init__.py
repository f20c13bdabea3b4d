"""The sandbox's recorder: plays a backend that runs elsewhere, and keeps what it was sent.

One port answers as the backend would, by the routes and the credential that a file names.
The other tells what arrived. Nothing that it receives leaves this machine.
"""

from __future__ import annotations

VERSION = "0.1.0"
SERVER_HEADER = f"floe-local-sandbox/{VERSION}"
