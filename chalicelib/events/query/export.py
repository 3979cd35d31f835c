"""Everything that matches, in pages that fit through the gateway, as NDJSON or as CSV that no spreadsheet executes."""

import csv
from io import StringIO
from typing import Final, Literal

import msgspec

from chalicelib.events.query.answers import Record
from chalicelib.events.query.expression import Expression
from chalicelib.events.query.search import search
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope

Format = Literal["ndjson", "csv"]

PAGE_BYTES: Final = 4 * 1024 * 1024
"""Lambda answers with 6 MB at most, as base64: 4.5 MB of content."""

ROWS_AT_ONCE: Final = 1_000
COLUMNS: Final = Record.__struct_fields__
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


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
    """Rows until a page is full or half the budget is spent, newest first. Raises `CursorRefused`."""
    write = _csv_rows if format == "csv" else _ndjson_rows
    body = _csv_row(list(COLUMNS)) if format == "csv" and cursor is None else b""
    while True:
        page = search(
            scope,
            expression,
            within,
            limit=ROWS_AT_ONCE,
            cursor=cursor,
            max_bytes=PAGE_BYTES // 2,
            now_ms=now_ms,
            deadline=deadline,
        )
        body += write(page.data)
        cursor = page.next_cursor
        if cursor is None or page.partial or len(body) > PAGE_BYTES // 2:
            return ExportPage(body, cursor)


def _ndjson_rows(rows: list[Record]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _csv_rows(rows: list[Record]) -> bytes:
    return b"".join(_csv_row([_cell(getattr(row, name)) for name in COLUMNS]) for row in rows)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return _inert(msgspec.json.encode(value).decode() if value else "")
    return _inert(value) if isinstance(value, str) else str(value)


def _inert(text: str) -> str:
    """Text that a spreadsheet shows and does not execute. Source: OWASP, CSV injection."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_row(cells: list[str]) -> bytes:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
