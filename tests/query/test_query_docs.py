"""Every example of docs/query-language.md does what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chalicelib.events.event import Event
from chalicelib.events.query.aggregate import aggregate_for, parse_fields, parse_metric
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.fields import FIELDS
from chalicelib.events.query.language import MAX_LENGTH, MAX_NESTING, MAX_TERMS, parse
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.match import matches
from chalicelib.events.query.scan import Filter
from tests.query.blocks import block_of, events_in

PAGE = (Path(__file__).parents[2] / "docs" / "query-language.md").read_text(encoding="utf-8")
EVENTS = msgspec.json.decode(
    "[" + ",".join(re.search(r"```json\n(.*?)\n```", PAGE, re.DOTALL)[1].splitlines()) + "]", type=list[Event]
)


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of every table that has this heading, the first without its backticks."""
    for tables in re.findall(rf"^\| {re.escape(heading)}.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE):
        for line in tables.splitlines():
            first, *others = [cell.strip() for cell in re.split(r"(?<=\s)\|(?=\s)", line[1:-1])]
            yield [first.removeprefix("`").removesuffix("`"), *others]


@pytest.mark.parametrize(("query", "answers"), [(row[0], row[-1]) for row in rows("write | to find |")])
def test_an_example_finds_the_events_that_the_page_says(query: str, answers: str) -> None:
    expected = [int(number) for number in answers.split(",")]
    expression = parse(query)
    assert [number for number, event in enumerate(EVENTS, 1) if matches(expression, event)] == expected
    block = block_of(EVENTS)
    assert [EVENTS.index(block.event(row)) + 1 for row in Filter(expression).mask(block).rows()] == expected


@pytest.mark.parametrize(("query", "answer"), list(rows("write | the answer begins |")))
def test_an_example_that_is_not_understood_says_what_the_page_says(query: str, answer: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(query)
    assert refused.value.message.startswith(answer)


@pytest.mark.parametrize(("metric", "by", "first"), list(rows("metric | by |")))
def test_an_example_of_counting_gives_what_the_page_says(metric: str, by: str, first: str) -> None:
    aggregate = aggregate_for(parse_metric(metric), parse_fields(by.strip("`")))
    block = block_of(EVENTS)
    aggregate.add(block, Mask.everything(len(events_in(block))))
    group = aggregate.result().groups[0]
    labels = ", ".join(str(label) for label in group.key.values())
    assert f"{labels}: {group.value:.6g}".removeprefix(": ") == first


def test_the_page_names_every_field_and_every_short_name() -> None:
    named = {name for row in rows("field | short |") for name in re.findall(r"[a-z_]+", row[0] + " " + row[1])}
    assert named == {name for field in FIELDS for name in (field.name, *field.aliases)} | {"metadata", "meta"}


def test_the_page_states_the_limits() -> None:
    assert f"at most {MAX_LENGTH:,} characters, {MAX_TERMS} terms, and parentheses {MAX_NESTING} deep" in PAGE
