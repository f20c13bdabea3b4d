"""Answers of the API."""

from __future__ import annotations

import json
from typing import Any

from flask import Response


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer; None is an empty one without a type."""
    if value is None:
        empty = Response(status=status)
        del empty.headers["Content-Type"]
        return empty
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, content_type="application/json")
