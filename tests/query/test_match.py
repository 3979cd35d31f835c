"""The meaning of queries, event by event: as `match` says it plainly, and as the scanner finds it in blocks."""

import pytest
from hypothesis import given

from chalicelib.events.event import Event
from chalicelib.events.query.expression import Expression, negated
from chalicelib.events.query.language import parse
from chalicelib.events.query.match import matches
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.values import values_at
from tests.query.blocks import FILLER, block_of
from tests.query.strategies import START, events, expressions

EVENT = Event(
    timestamp=START,
    level="warn",
    message="Payment FAILED at Straße",
    service="Checkout",
    user_id="007",
    metadata={
        "status": 500,
        "text": "500",
        "float": 500.0,
        "spelled": "5e2",
        "ok": True,
        "none": None,
        "empty": "",
        "nothing": [],
        "http": {"status": 404, "url": "/a"},
        "http.method": "GET",
        "tags": ["Slow", ["nested", 7]],
        "items": [{"id": 1}, {"id": 2, "sub": {"x": "y"}}],
        "hollow": {"inner": [None, {"deep": ""}]},
    },
)

FOUND = """
    payment  "payment failed"  message:PAYMENT  straße  payment failed
    service:checkout  service:CHECK*  service:*  -service:other  service!=other  service:(other OR checkout)
    level:warn  level>=info  level>=warn  level<error  level:debug..warn  level:wa*  level:*
    environment!=prod  -environment:prod  -environment:*  -metadata.none:*  -metadata.nothing:*  -metadata.hollow:*
    user_id:007  user_id:00*
    timestamp:2026-01-02  timestamp>=2026-01-02T03:04:00Z  timestamp<=1767323040000  timestamp<2026-01-03
    metadata.status:500  metadata.status:500.0  metadata.status:5e2  metadata.status:50*  metadata.status>499
    metadata.text:500  metadata.text:500.0  metadata.text>499.5  metadata.text:500..500
    metadata.float:500  metadata.spelled:500  metadata.float:500*
    metadata.ok:true  metadata.ok:TRUE  metadata.ok:tr*
    metadata.http.status:404  metadata.http.method:get  metadata.http:*  metadata.http.url:/a
    metadata.tags:slow  metadata.tags:nested  metadata.tags:7  metadata.tags>6
    metadata.items.id:2  metadata.items.sub.x:y  metadata.items:*  metadata.items.id:2..9
"""

NOT_FOUND = """
    refund  "failed payment"  strasse  -payment
    service:check  -service:*  environment:*  environment:prod
    level>warn  level:error  level:error..  level<=info
    user_id:7  user_id:7*
    timestamp>1767323040000  timestamp:2026-01-03  timestamp<1767323040000
    metadata.status:50  metadata.status>500  metadata.status<500  metadata.status!=500
    metadata.none:*  metadata.none:null  metadata.none<1  metadata.empty:*  metadata.nothing:*  metadata.hollow:*
    metadata.absent:*  metadata.absent<1  metadata.absent:..1
    metadata.ok:1  metadata.ok>0
    metadata.http:404  metadata.http>1  metadata.http.status.x:404  metadata.HTTP.status:404
    metadata.tags:slownested  metadata.items.id:3  metadata.items.id:3..9  metadata.items:1
"""


def _queries(table: str) -> list[str]:
    return [query for line in table.splitlines() for query in line.split("  ") if query.strip()]


def _scanned(query: str) -> list[bool]:
    """Whether the scanner finds the event, by itself and as the first among many."""
    wanted = Filter(parse(query))
    return [0 in wanted.mask(block).rows() for block in (ALONE, FIRST_OF_MANY)]


ALONE, FIRST_OF_MANY = block_of([EVENT]), block_of([EVENT, *FILLER])


@pytest.mark.parametrize("query", _queries(FOUND))
def test_the_event_is_found(query: str) -> None:
    assert matches(parse(query), EVENT)
    assert all(_scanned(query))


@pytest.mark.parametrize("query", _queries(NOT_FOUND))
def test_the_event_is_not_found(query: str) -> None:
    assert not matches(parse(query), EVENT)
    assert not any(_scanned(query))


@given(expressions(), events())
def test_an_event_matches_a_query_or_its_opposite_never_both(expression: Expression, event: Event) -> None:
    assert matches(expression, event) is not matches(negated(expression), event)


@pytest.mark.requirement("I9")
def test_metadata_nested_thousands_deep_exhausts_nothing() -> None:
    deep: object = "x"
    for _ in range(5_000):
        deep = [deep]
    event = Event(timestamp=START, metadata={"deep": deep})
    assert matches(parse("metadata.deep:x metadata.deep:*"), event)


@pytest.mark.requirement("I9")
def test_a_path_of_many_dots_is_followed_without_trying_every_way() -> None:
    nested: object = 1
    for _ in range(200):
        nested = {"a": nested, "a.a": 2}
    assert list(values_at(nested, ".".join("a" * 400))) == []


@pytest.mark.requirement("I9")
@pytest.mark.parametrize("huge", [10**5_000, "9" * 100_000], ids=["number", "text"])
def test_huge_numbers_are_compared_without_being_written_out(huge: object) -> None:
    event = Event(timestamp=START, metadata={"n": huge})
    assert matches(parse("metadata.n:*"), event)
    assert not matches(parse("metadata.n:5 OR metadata.n:5* OR metadata.n<5"), event)
