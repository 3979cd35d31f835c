"""Writes `openapi.json` from what the routes declare: `python -m infra.openapi`. A test compares the two."""

from pathlib import Path
from typing import Final

import msgspec

from app import app
from chalicelib.web.openapi import document
from chalicelib.web.routing import declarations

COMMITTED: Final = Path(__file__).resolve().parent.parent / "openapi.json"


def current() -> bytes:
    """The document as it is committed."""
    return msgspec.json.format(msgspec.json.encode(document(declarations(app))), indent=2) + b"\n"


if __name__ == "__main__":
    COMMITTED.write_bytes(current())
