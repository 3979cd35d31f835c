"""`scry deploy`: says that something was deployed, from wherever it is deployed."""

import argparse
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from scry.configuration import Configuration
from scry.delivery import refusal
from scry.patience import Patience
from scry.terminal import harmless, json_text
from scry.transport import Connection

PATH: Final = "/api/deploys"
PATIENCE: Final = 60.0
"""Seconds: a marker is not worth holding up a deploy for longer."""

FIELDS: Final = ("version", "service", "environment", "at", "url", "note")


def options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """What can be said of a deploy."""
    parser.description = (
        "Records a deploy, so that the histogram shows it and its page says what it changed. Recording it again within "
        "a minute records nothing twice."
    )
    parser.add_argument("version", metavar="VERSION", help="as people call it: v1.4.2, or a commit")
    parser.add_argument("--service", default="", help="that was deployed, if not all of them were")
    parser.add_argument("--environment", default="", help="that it was deployed to")
    parser.add_argument("--at", default="", metavar="TIME", help="RFC 3339 or epoch milliseconds (default: now)")
    parser.add_argument("--url", default="", metavar="URL", help="where more stands of it, https only")
    parser.add_argument("--note", default="", metavar="TEXT", help="a line about it")
    parser.add_argument("--json", action="store_true", help="print the server's JSON")
    return parser


def run(settings: Configuration, given: argparse.Namespace, *, notice: Callable[[str], None]) -> int:
    """Records it and says so. Raises `Refused`, `Unreachable` and `NotConfigured`."""
    key = settings.needed("ingest_key", "SCRY_KEY")
    told = {name: value for name in FIELDS if (value := getattr(given, name))}
    with Connection(settings.url) as connection:
        said, is_new = record(connection, told, key=key, patience=Patience(seconds=PATIENCE, notice=notice))
    print(json_text(said) if given.json else _sentence(said, is_new=is_new))
    return 0


def record(
    connection: Connection, told: dict[str, str], *, key: str, patience: Patience, request_key: str = ""
) -> tuple[dict[str, Any], bool]:
    """What the server says of the marker, and whether it is a new one. However often it is tried, it is one marker.

    Raises `Refused` and `Unreachable`.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": request_key or secrets.token_hex(16)}
    body = json.dumps(told).encode()
    answer = patience.until_answered(
        lambda: connection.request("POST", PATH, key=key, headers=headers, body=body)
    )  # fmt: skip
    said = answer.object()
    if answer.status not in (200, 201) or said is None or not isinstance(said.get("at"), int):
        raise refusal(answer, what="an ingest key (SCRY_KEY)")
    return said, answer.status == 201


def _sentence(said: dict[str, Any], *, is_new: bool) -> str:
    named = ", ".join(harmless(str(said[name])) for name in FIELDS[:3] if said.get(name))
    at = datetime.fromtimestamp(said["at"] / 1000, UTC)
    return f"{'Recorded' if is_new else 'Was recorded already'}: {named}, at {at:%Y-%m-%d %H:%M:%S} UTC."
