"""Headers that repeat a message for those between (MCP 2026-07-28, streamable HTTP): they equal it, or are refused."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.mcp.errors import HEADER_MISMATCH, MessageRefused
from chalicelib.mcp.text import shown
from chalicelib.mcp.versions import VERSION_HEADER, VERSION_KEY

METHOD_HEADER: Final = "mcp-method"
NAME_HEADER: Final = "mcp-name"
MIRRORED: Final = frozenset((VERSION_HEADER, METHOD_HEADER, NAME_HEADER))

NAMED_BY: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose `Mcp-Name` is a parameter, and which."""


def check_headers(method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Compares each header with what it repeats. Header names are in lower case. Raises `MessageRefused`."""
    _check(headers, VERSION_HEADER, params["_meta"][VERSION_KEY])
    _check(headers, METHOD_HEADER, method)
    named = params.get(NAMED_BY.get(method, ""))
    if named is not None:
        _check(headers, NAME_HEADER, named)


def decoded(value: str) -> str | None:
    """What a header's value stands for: itself, or what `=?base64?…?=` holds; None where that cannot be read."""
    value = value.strip(" \t")
    wrapped = _WRAPPED.fullmatch(value)
    if wrapped is None:
        return value
    try:
        return b64decode(wrapped[1], validate=True).decode()
    except ValueError:
        return None


_WRAPPED: Final = re.compile(r"=\?base64\?(.*)\?=")
_WRITTEN: Final = {VERSION_HEADER: "MCP-Protocol-Version", METHOD_HEADER: "Mcp-Method", NAME_HEADER: "Mcp-Name"}


def _check(headers: Mapping[str, str], name: str, wanted: Any) -> None:
    if name not in headers:
        raise MessageRefused(HEADER_MISMATCH, f"Header mismatch: send {_WRITTEN[name]}: {shown(wanted)}")
    if decoded(headers[name]) != wanted:
        raise MessageRefused(
            HEADER_MISMATCH,
            f"Header mismatch: {_WRITTEN[name]} is {shown(headers[name])} and the body says {shown(wanted)}",
        )
