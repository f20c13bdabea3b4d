"""Why a client failed, and what to do about it. Light to import: clients' processes use it."""

from __future__ import annotations

import re
import socket
import ssl
from textwrap import shorten

from floe_local.errors import FloeError

_USER_INFO = re.compile(r"//[^/@\s]+@")
_GAVE_UP = re.compile(r"too many (\d{3}) error responses")  # as urllib3 says after its retries
_WRAPPER_LENGTH = 120
_BODY_LENGTH = 200
_NO_PATH = "the path is not the backend's: mend `url` and `endpoint` of the plugin's transport"
_NO_ENTRY = "the backend refuses the credentials of the plugin's transport: mend its `auth`"
_TOO_MANY = (
    "the backend takes no more for now (a rate limit): try again later; if the sandbox was told "
    "to fail, `floe-local status` says so"
)
_HINTS: dict[object, str] = {
    401: _NO_ENTRY,
    403: _NO_ENTRY,
    404: _NO_PATH,
    405: _NO_PATH,
    413: "the event is larger than the backend takes: see its limit for a request's body",
    415: "the backend does not read this encoding: mend `compression` of the plugin's transport",
    429: _TOO_MANY,
}
_REFUSED = "the backend refuses the event: see `floe-local logs {backend}`"
_BROKEN = (
    "the backend itself failed: see `floe-local logs {backend}`; if the sandbox was told to "
    "fail, `floe-local status` says so"
)
_TLS = (
    "TLS fails: is it http instead of https, or a certificate of your own (`verify` of the "
    "plugin's transport)?"
)
_NO_NAME = "the host's name is not known here: mend `url` of the plugin's transport"
_OWN_FAULT = (
    "nothing was sent: the client failed by itself, whatever the stack does; check the "
    "transport's settings (`floe-local explain` shows them)"
)
_NAME_UNKNOWN = ("NameResolutionError", "getaddrinfo failed", "Name or service not known")


def error_message(error: BaseException | None) -> str:
    """Return why a client failed, empty when it did not.

    A transport may be anybody's code and raise anything. Where it raised one error from
    another, the first of them has the reason.
    """
    if isinstance(error, FloeError):
        return f"{error.reason}; {error.hint}"
    if error is None:
        return ""
    first = _first(error)
    if first is error:
        return _described(error)
    return f"{shorten(_described(error), _WRAPPER_LENGTH, placeholder='…')}: {_described(first)}"


def hint_for(error: BaseException | None) -> str:
    """Return what to do about a client's failure, empty where it did not reach anybody.

    ``{backend}`` in it stands for the backend's name.
    """
    if error is None:
        return ""
    first = _first(error)
    if isinstance(first, FloeError):
        return first.hint
    if isinstance(first, ImportError):
        return f"install what its transport needs beside floe-local: {first.name or first}"
    status = _status_of(first)
    if status:
        return _HINTS.get(status) or (_BROKEN if status >= 500 else _REFUSED)  # noqa: PLR2004
    return _unanswered(error)


def _status_of(error: BaseException) -> int:
    """Return the status of the HTTP response that an error is about; 0: there was none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status
    gave_up = _GAVE_UP.search(str(error))
    return int(gave_up[1]) if gave_up else 0


def _unanswered(error: BaseException) -> str:
    """Tell an error of the network from one that the client made by itself."""
    chain = _chain(error)
    if any(isinstance(one, ssl.SSLError) or "SSLError" in type(one).__name__ for one in chain):
        return _TLS
    if any(isinstance(one, socket.gaierror) for one in chain) or any(
        name in str(error) for name in _NAME_UNKNOWN
    ):
        return _NO_NAME
    if isinstance(error, ValueError) or not any(isinstance(one, OSError) for one in chain):
        return _OWN_FAULT
    return ""


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error with all that it came from."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _first(error: BaseException) -> BaseException:
    while error.__cause__:
        error = error.__cause__
    return error


def _described(error: BaseException) -> str:
    body = getattr(getattr(error, "response", None), "text", "")
    said = shorten(body, _BODY_LENGTH, placeholder="…") if isinstance(body, str) else ""
    answer = f"; it answered: {said}" if said else ""
    return _USER_INFO.sub("//", f"{type(error).__name__}: {error}{answer}")
