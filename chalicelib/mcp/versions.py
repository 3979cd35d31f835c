"""The revisions of the protocol that are spoken, in two eras, and which era a message is of.

Modern messages (2026-07-28) each say everything themselves. Legacy ones follow an `initialize`, of which nothing is
kept here: no session, so any message may come first.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

Era = Literal["modern", "legacy"]

MODERN: Final = ("2026-07-28",)
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY: Final = "io.modelcontextprotocol/serverInfo"
VERSION_HEADER: Final = "mcp-protocol-version"


def era_of(method: str, meta: Mapping[str, Any], headers: Mapping[str, str]) -> Era:
    """Modern if the metadata or the header says so, or if the method is `server/discover`; else legacy."""
    modern = VERSION_KEY in meta or headers.get(VERSION_HEADER, "").strip() in MODERN or method == "server/discover"
    return "modern" if modern else "legacy"


def negotiated(asked: Any) -> str:
    """The version of a legacy conversation: the one asked for, or the newest of its era."""
    return asked if isinstance(asked, str) and asked in LEGACY else LEGACY[0]
