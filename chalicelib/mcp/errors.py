"""Refusals as JSON-RPC errors, and the HTTP status that belongs to each (MCP 2026-07-28, basic and streamable HTTP)."""

from collections.abc import Mapping
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

STATUS: Final[Mapping[int, int]] = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    METHOD_NOT_FOUND: 404,
    INVALID_PARAMS: 400,
    INTERNAL_ERROR: 500,
    HEADER_MISMATCH: 400,
    UNSUPPORTED_VERSION: 400,
}

LEGACY_STATUS: Final[Mapping[int, int]] = {METHOD_NOT_FOUND: 200, INVALID_PARAMS: 200}
"""Until 2025-11-25 a message that could be read was answered with 200, whatever the answer says."""


class MessageRefused(Exception):
    """A message that is not carried out. `data` is for programs, the message for people and models."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class ArgumentsWrong(Exception):
    """Arguments of a tool that cannot be used. The text says what can: a model reads it and tries again."""
