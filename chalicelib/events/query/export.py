"""Everything that matches, in pieces that fit through the gateway, as NDJSON or as CSV that no spreadsheet executes."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Final, Literal

import msgspec

from chalicelib.events.query.answers import Record
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.expression import Expression
from chalicelib.events.query.search import go_on, opened, sealed
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope

Format = Literal["ndjson", "csv"]

PIECE_BYTES: Final = 4 * 1024 * 1024
"""Lambda answers with 6 MB at most, as base64: 4.5 MB of content."""

FULL_BYTES: Final = PIECE_BYTES // 2
ROWS_AT_ONCE: Final = 1_000
COLUMNS: Final = Record.__struct_fields__
FORMULA_STARTS: Final = tuple("=+-@\t\r\n＝＋－＠")
"""What some spreadsheet takes for the beginning of a formula. Source: OWASP, CSV injection."""


class ExportPage(msgspec.Struct, frozen=True):
    """A piece of the export. Pieces follow each other without anything between; only the first has CSV's header."""

    body: bytes
    next_cursor: str | None


def export(
    scope: Scope,
    expression: Expression,
    within: TimeRange,
    *,
    format: Format,  # noqa: A002 (the parameter's name on the wire)
    cursor: str | None,
    now_ms: int,
    deadline: float,
) -> ExportPage:
    """Rows until the piece is full or the budget is spent, newest first. Raises `CursorRefused`, `StoreUnavailable`."""
    begun = opened(scope, expression, within, "desc", cursor)
    budget = Budget(deadline=deadline)
    body = _csv([COLUMNS]) if format == "csv" and cursor is None else b""
    while True:
        # Quotes are doubled in CSV, so that a record may have twice the bytes that it has in JSON.
        room = (PIECE_BYTES - len(body)) // 2
        found = go_on(scope, expression, begun, limit=ROWS_AT_ONCE, max_bytes=room, now_ms=now_ms, budget=budget)
        body += _csv(map(_cells, found.records)) if format == "csv" else _ndjson(found.records)
        if found.further is None or len(body) >= FULL_BYTES or budget.spent:
            return ExportPage(body, sealed(scope, expression, found.further))
        begun = found.further


def _ndjson(rows: Iterable[Record]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(row: Record) -> list[str]:
    return [_cell(getattr(row, name)) for name in COLUMNS]


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode() if value else ""
    return _inert(value) if isinstance(value, str) else str(value)


def _inert(text: str) -> str:
    """Text that a spreadsheet shows and does not execute."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
