"""An export is everything that matches, in pieces that only need to be put together."""

import csv
import io
import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.events.event import Event
from chalicelib.events.query.answers import Record
from chalicelib.events.query.cursor import CursorRefused
from chalicelib.events.query.export import COLUMNS, PIECE_BYTES, ExportPage, export
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.language import parse
from tests.engine.project import ALL, Project, batches, on_one_engine, reading_at_most, soon
from tests.long_form import examples
from tests.query.strategies import START, expressions

pytestmark = pytest.mark.engine

BUDGETS = ({}, {"blocks": 1}, {"size": 1})


def pieces(project: Project, written: str, expression: Expression | None = None) -> Iterator[ExportPage]:
    cursor = None
    while True:
        piece = export(
            project.scope, expression or Everything(), ALL, format=written, cursor=cursor, now_ms=project.now_ms,
            deadline=soon(),
        )  # fmt: skip
        yield piece
        cursor = piece.next_cursor
        if cursor is None:
            return


def read(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


@settings(on_one_engine, max_examples=examples(20))
@given(batches(), expressions() | st.just(Everything()), st.sampled_from(BUDGETS))
def test_ndjson_pieces_are_what_a_search_finds(engine_store, sent, expression, spent):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    with reading_at_most(**spent):
        body = b"".join(piece.body for piece in pieces(project, "ndjson", expression))
    rows = [msgspec.json.decode(line, type=Record) for line in body.splitlines()]
    assert rows == project.rows(expression)


@settings(on_one_engine, max_examples=examples(20))
@given(batches(), expressions() | st.just(Everything()), st.sampled_from(BUDGETS))
def test_csv_pieces_are_what_a_search_finds_under_one_header(engine_store, sent, expression, spent):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    with reading_at_most(**spent):
        body = b"".join(piece.body for piece in pieces(project, "csv", expression))
    header, *lines = read(body)
    rows = project.rows(expression)
    assert tuple(header) == COLUMNS
    assert [(line[0], int(line[1]), json.loads(line[-1] or "{}")) for line in lines] == [
        (row.id, row.timestamp, row.metadata) for row in rows
    ]
    column = COLUMNS.index("message")
    assert all(line[column] in {row.message, f"'{row.message}"} for line, row in zip(lines, rows, strict=True))


@pytest.mark.requirement("V1.3.3")
@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
@pytest.mark.parametrize("rest", ["1+1", 'HYPERLINK("http://evil",A1)', "a,b", 'x"\n=2', ""])
def test_a_spreadsheet_executes_no_cell(engine_store, start, rest):
    project = Project()
    text = start + rest
    project.send([Event(timestamp=START, message=text, service=text, type=text, trace_id=text, metadata={text: text})])
    (piece,) = pieces(project, "csv")
    header, line = read(piece.body)
    found = dict(zip(header, line, strict=True))
    for name in ("message", "service", "type", "trace_id"):
        assert found[name] == f"'{text}"
    assert json.loads(found["metadata"]) == {text: text}


def test_harmless_text_is_left_as_it_is(engine_store):
    project = Project()
    project.send([Event(timestamp=START, message='a=1, it\'s "so"\nand so', user_id="7", device_id=" x")])
    (piece,) = pieces(project, "csv")
    header, line = read(piece.body)
    found = dict(zip(header, line, strict=True))
    assert (found["message"], found["user_id"], found["device_id"]) == ('a=1, it\'s "so"\nand so', "7", " x")
    assert found["metadata"] == ""


@pytest.mark.requirement("I9")
@pytest.mark.parametrize("written", ["ndjson", "csv"])
def test_no_piece_is_too_large_for_the_gateway(engine_store, written):
    project = Project()
    quotes = {f"{at}": "" for at in range(26_000)}  # 230 KB of JSON, much of it quotes, which CSV doubles
    project.send(*([Event(timestamp=START + at, metadata=quotes)] for at in range(24)))
    found = list(pieces(project, written))
    assert all(0 < len(piece.body) <= PIECE_BYTES for piece in found)
    body = b"".join(piece.body for piece in found)
    assert body.count(b"\n") == (25 if written == "csv" else 24)


@pytest.mark.requirement("S29", "I4")
def test_the_cursor_of_another_project_or_query_is_refused(engine_store):
    mine, theirs = Project(), Project()
    for project in (mine, theirs):
        project.send([Event(timestamp=START + at) for at in range(5)], [Event(timestamp=START - 1_000)])
    with reading_at_most(blocks=1):
        cursor = next(pieces(theirs, "csv")).next_cursor
    assert cursor is not None
    for scope, query in [(mine.scope, "*"), (theirs.scope, "level:error")]:
        with pytest.raises(CursorRefused):
            export(scope, parse(query), ALL, format="csv", cursor=cursor, now_ms=mine.now_ms, deadline=soon())


def test_nothing_found_is_a_header_alone_or_nothing(engine_store):
    project = Project()
    assert [piece.body for piece in pieces(project, "ndjson")] == [b""]
    assert [piece.body for piece in pieces(project, "csv")] == [",".join(COLUMNS).encode() + b"\r\n"]
