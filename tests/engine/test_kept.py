"""A reader with little room keeps some of a page's records, and the next page begins after them."""

import pytest

from chalicelib.events.event import Event
from chalicelib.events.query import counts, search
from chalicelib.events.query.answers import ANSWER_BYTES
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.language import parse
from tests.engine.project import ALL, Project, reading_at_most, soon
from tests.query.strategies import START

pytestmark = pytest.mark.engine


@pytest.mark.requirement("I1", "I11")
@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("room", [1, 3, 50])
def test_pages_that_keep_less_than_they_could_give_each_event_once(engine_store, order, room):
    project = Project(shards=((1, 3),))
    for batch in range(4):
        project.send([Event(timestamp=START + at * 7, message=f"{batch} {at}") for at in range(40)])
    found, cursor = [], None
    for _ in range(400):
        begun = search.opened(project.scope, Everything(), ALL, order, cursor)
        page = search.go_on(
            project.scope, Everything(), begun, limit=30, max_bytes=ANSWER_BYTES,
            kept=lambda records: min(room, len(records)), now_ms=project.now_ms, budget=Budget(deadline=soon()),
        )  # fmt: skip
        found += page.records
        assert len(page.records) <= room
        cursor = search.sealed(project.scope, Everything(), page.further)
        if cursor is None:
            break
    assert len({each.id for each in found}) == len(found) == 160
    assert [each.timestamp for each in found] == sorted((each.timestamp for each in found), reverse=order == "desc")


def patterns(project, q=""):
    return counts.patterns(project.scope, parse(q), ALL, now_ms=project.now_ms, deadline=soon())


def test_patterns_are_counted_over_blocks_beside_levels_and_services(engine_store):
    project = Project()
    for batch in range(3):
        project.send(
            [
                Event(timestamp=START + at, message=f"order {batch}{at} failed", level="error", service="pay")
                for at in range(5)
            ]
        )
    project.send(
        [Event(timestamp=START, message="hello"), Event(timestamp=ALL.start - 1_000, message="order 1 failed")]
    )
    found = patterns(project)
    assert [(each.template, each.count) for each in found.patterns] == [("order <n> failed", 15), ("hello", 1)]
    assert (found.levels, found.services, found.events) == ({"error": 15, "info": 1}, {"pay": 15}, 16)
    assert [each.template for each in patterns(project, "-failed").patterns] == ["hello"]


@pytest.mark.requirement("I11")
def test_patterns_say_how_far_reading_got(engine_store):
    project = Project()
    project.send(*([Event(timestamp=START - at * 60_000, message=f"tick {at}")] for at in range(8)))
    with reading_at_most(blocks=3):
        found = patterns(project)
    assert found.partial
    assert found.reached is not None
    counted_since = [at for at in range(8) if START - at * 60_000 >= found.reached]
    assert found.events >= len(counted_since)
