"""A list of patterns says of whole hours what looking at every event says, whatever was written, merged and counted."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.events import compaction, pattern_drafts
from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.event import LEVELS, Event
from chalicelib.events.indexing import index_hour
from chalicelib.events.pattern_drafts import extend_draft
from chalicelib.events.patterns import pattern_id
from chalicelib.events.query import budget, pattern_counts, pattern_list
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.language import parse
from chalicelib.events.query.pattern_counts import CountedPatterns, from_events, from_hours
from chalicelib.events.query.pattern_list import ListedPattern, PatternList
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import index
from chalicelib.events.store.pattern_hours import read_hour
from chalicelib.identity import pattern_states
from chalicelib.identity.accounts import create_project
from chalicelib.identity.membership import Operator
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import project_by_id
from chalicelib.ids import DAY_MS, Slot, slot_of
from tests import faults
from tests.conftest import NOW_MS, new_scope
from tests.faults import Crash, each_step, injected, meanwhile
from tests.long_form import examples
from tests.store.driver import HOUR, event, indexed_scope, send, soon

FIRST = slot_of(NOW_MS - 6 * HOUR) * HOUR
SLOTS = (slot_of(FIRST), Slot(slot_of(FIRST) + 1))
WITHIN = TimeRange(FIRST, FIRST + 2 * HOUR)
KINDS = ("connection to {} lost", "user {} paid", "cache miss", "")
MINUTE = 60_000


@st.composite
def batches(draw: st.DrawFn) -> list[list[Event]]:
    times = st.one_of(st.sampled_from([0, 299_999, HOUR - 1, HOUR]), st.integers(0, 2 * HOUR - 1))
    numbers = iter(range(10_000, 20_000))

    def one() -> Event:
        message = draw(st.sampled_from(KINDS)).format(next(numbers))
        service = draw(st.sampled_from(["", "api", "web"]))
        return event(message, FIRST + draw(times), level=draw(st.sampled_from(LEVELS)), service=service)

    return [[one() for _ in range(draw(st.integers(1, 5)))] for _ in range(draw(st.integers(1, 6)))]


def stored(scope: Scope, q: str = "", *, within: TimeRange = WITHIN, now_ms: int = NOW_MS) -> CountedPatterns:
    return from_hours(scope, Filter(parse(q)), within, now_ms=now_ms, deadline=soon())


def scanned(scope: Scope, q: str = "", *, within: TimeRange = WITHIN, now_ms: int = NOW_MS) -> CountedPatterns:
    return from_events(scope, parse(q), within, now_ms=now_ms, deadline=soon())


def told(counted: CountedPatterns) -> dict[str, Any]:
    """What both ways of counting must agree on."""
    assert counted.reached is None
    assert sum(each.count for each in counted.found.values()) + counted.other == counted.events
    return {
        counted.texts[name].text: (each.count, each.levels, {s: n for s, n in each.services.items() if s}, each.before)
        for name, each in counted.found.items()
    }


def seen(counted: CountedPatterns) -> dict[str, tuple[int, int]]:
    return {text.text: (text.first, text.last) for text in counted.texts.values()}


def listed(
    scope: Scope, expression: Expression | None = None, *, within: TimeRange = WITHIN, now_ms: int = NOW_MS
) -> PatternList:
    return pattern_list.listed(scope, expression or Everything(), within, now_ms=now_ms, deadline=soon())


def counts(found: PatternList) -> dict[str, int]:
    return {each.template: each.count for each in found.patterns}


def only(found: PatternList) -> ListedPattern:
    [one] = found.patterns
    return one


class History:
    """A project whose hours are indexed: what lands in them now marks them."""

    def __init__(self, sent: list[list[Event]]) -> None:
        self.scope = indexed_scope()
        self.sent = sent
        self.now_ms = NOW_MS - 3 * HOUR

    def send(self, number: int) -> None:
        send(self.scope, self.sent[number % len(self.sent)], now_ms=self.now_ms)

    def merge(self, hours: int) -> None:
        self.now_ms += hours * GRACE_MS
        for slot in SLOTS:
            compact(self.scope, slot, now_ms=self.now_ms, deadline=soon())

    def index(self, number: int) -> None:
        index_hour(self.scope, SLOTS[number % 2], deadline=soon())


ACTS: dict[str, Callable[[History, int], None]] = {
    "send": History.send,
    "merge": History.merge,
    "index": History.index,
}


@pytest.mark.requirement("I1", "I13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=examples(30))
@given(
    sent=batches(),
    acts=st.lists(st.tuples(st.sampled_from([*ACTS, "send", "index"]), st.integers(0, 5)), max_size=12),
)
def test_whole_hours_are_what_looking_at_every_event_finds(tables, sent, acts):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(compaction, "WORTH_IT", 2)
        history = History(sent)
        for name, number in acts:
            ACTS[name](history, number)
            assert told(stored(history.scope)) == told(scanned(history.scope))
        assert seen(stored(history.scope)) == seen(scanned(history.scope))
        second = TimeRange(FIRST + HOUR, FIRST + 2 * HOUR)
        assert told(stored(history.scope, within=second)) == told(scanned(history.scope, within=second))
        severe = stored(history.scope, "level>=error")
        expected = told(scanned(history.scope, "level>=error"))
        assert {name: each[:2] + each[3:] for name, each in told(severe).items()} == {
            name: each[:2] + each[3:] for name, each in expected.items()
        }


@pytest.mark.requirement("I1", "I13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=examples(25))
@given(
    sent=batches(),
    acts=st.lists(st.tuples(st.sampled_from(["send", "merge", "draft"]), st.integers(0, 40)), max_size=12),
    worth=st.integers(1, 3),
)
def test_drafts_and_later_blocks_are_what_looking_at_every_event_finds(tables, sent, acts, worth):
    """Events that are sent within five minutes: what comes later is told by the hour's end, and by its index."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(compaction, "WORTH_IT_LATER", 2)
        monkeypatch.setattr(pattern_drafts, "WORTH_IT", worth)
        scope, now = new_scope(), NOW_MS
        slot = slot_of(now)
        for name, number in acts:
            now += number * 20_000
            if name == "send":
                late = number % 5 * MINUTE
                some = [
                    event(each.message + f" {now}", max(now - late - at, slot * HOUR), level=each.level)
                    for at, each in enumerate(sent[number % len(sent)])
                ]
                send(scope, some, now_ms=now)
            elif name == "merge":
                compact(scope, slot_of(now), now_ms=now, deadline=soon())
            else:
                for each in (slot, slot_of(now)):
                    extend_draft(scope, each, now_ms=now, deadline=soon())
            within = TimeRange(slot * HOUR, now + 1)
            assert told(stored(scope, within=within, now_ms=now)) == told(scanned(scope, within=within, now_ms=now))


def test_of_an_hour_that_is_not_indexed_only_what_its_draft_lacks_is_read(tables):
    scope, now = new_scope(), NOW_MS
    for at in range(60):
        send(scope, [event(f"request {at} served", now + at * 1000)], now_ms=now + at * 1000)
    assert extend_draft(scope, slot_of(now), now_ms=now + 8 * MINUTE, deadline=soon())
    for at in range(3):
        send(scope, [event(f"request {at} refused", now + 19 * MINUTE)], now_ms=now + 19 * MINUTE + at)
    found = listed(scope, within=TimeRange(now - 3 * HOUR, now + 20 * MINUTE), now_ms=now + 20 * MINUTE)
    assert counts(found) == {"request <n> served": 60, "request <n> refused": 3}
    assert found.scanned.blocks == 3


def test_a_draft_of_few_blocks_is_not_written(tables):
    scope = new_scope()
    send(scope, [event("one")])
    assert not extend_draft(scope, slot_of(NOW_MS), now_ms=NOW_MS + 2 * MINUTE, deadline=soon())
    assert read_hour(scope, slot_of(NOW_MS), deadline=soon()) is None


def test_what_came_late_into_a_drafted_hour_is_told_a_quarter_of_an_hour_after_its_end(tables, monkeypatch):
    monkeypatch.setattr(pattern_drafts, "WORTH_IT", 1)
    scope, slot = new_scope(), slot_of(NOW_MS)
    send(scope, [event("in time", slot * HOUR)], now_ms=slot * HOUR)
    end = (slot + 1) * HOUR
    assert extend_draft(scope, slot, now_ms=end - 10 * MINUTE, deadline=soon())
    send(scope, [event("late", slot * HOUR)], now_ms=end - 5 * MINUTE)
    within = TimeRange(slot * HOUR - HOUR, end + 20 * MINUTE)
    assert counts(listed(scope, within=within, now_ms=end)) == {"in time": 1}
    assert extend_draft(scope, slot, now_ms=end + 17 * MINUTE, deadline=soon())
    assert counts(listed(scope, within=within, now_ms=end + 20 * MINUTE)) == {"in time": 1, "late": 1}
    assert not extend_draft(scope, slot, now_ms=end + 32 * MINUTE, deadline=soon())


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", [*faults.PASSING.values(), *faults.CRASHES.values()])
def test_a_draft_that_fails_anywhere_loses_and_doubles_nothing(tables, monkeypatch, fault):
    monkeypatch.setattr(pattern_drafts, "WORTH_IT", 1)
    start = slot_of(NOW_MS) * HOUR

    def attempt(step: int) -> faults.Injected:
        scope = new_scope()
        for at in (0, 15 * MINUTE):
            for number in range(2):
                moment = start + at + number
                send(scope, [event(f"try {number}", moment)], now_ms=moment)
            if at == 0:
                extend_draft(scope, slot_of(start), now_ms=start + 10 * MINUTE, deadline=soon())
        try:
            with injected(fault, at=step) as transport:
                extend_draft(scope, slot_of(start), now_ms=start + 25 * MINUTE, deadline=soon())
        except Crash:
            pass
        for later in (26, 40):
            now = start + later * MINUTE
            assert counts(listed(scope, within=TimeRange(start - 2 * HOUR, now), now_ms=now)) == {"try <n>": 4}
            extend_draft(scope, slot_of(start), now_ms=now, deadline=soon())
        return transport

    assert each_step(attempt) >= 3


def test_a_draft_does_not_take_the_place_of_what_was_counted(tables, monkeypatch):
    monkeypatch.setattr(pattern_drafts, "WORTH_IT", 1)

    def attempt(step: int) -> faults.Injected:
        scope = new_scope()
        send(scope, [event("one", FIRST)], now_ms=FIRST)
        with meanwhile(lambda: index_hour(scope, SLOTS[0], deadline=soon()), at=step) as transport:
            extend_draft(scope, SLOTS[0], now_ms=FIRST + HOUR, deadline=soon())
        kept = read_hour(scope, SLOTS[0], deadline=soon())
        assert kept is not None
        assert (kept.marks is not None) == transport.met
        return transport

    assert each_step(attempt) >= 3


# --- marks ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I1")
def test_a_late_block_makes_its_hour_be_read_from_its_blocks_until_it_is_indexed_again(tables):
    scope = indexed_scope()
    send(scope, [event("first", FIRST)])
    index_hour(scope, SLOTS[0], deadline=soon())
    assert listed(scope).scanned.blocks == 0
    send(scope, [event("second", FIRST)])
    found = listed(scope)
    assert (counts(found), found.scanned.blocks) == ({"first": 1, "second": 1}, 2)
    index_hour(scope, SLOTS[0], deadline=soon())
    found = listed(scope)
    assert (counts(found), found.scanned.blocks) == ({"first": 1, "second": 1}, 0)


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("already", [0, 2])
def test_a_block_that_lands_at_any_step_of_the_indexer_is_listed(tables, already):
    def attempt(step: int) -> faults.Injected:
        scope = indexed_scope()
        for number in range(already):
            send(scope, [event(f"early {number}", FIRST)])
        with meanwhile(lambda: send(scope, [event("late", FIRST)]), at=step) as transport:
            index_hour(scope, SLOTS[0], deadline=soon())
        expected = ({"early <n>": already} if already else {}) | ({"late": 1} if transport.met else {})
        assert counts(listed(scope)) == expected
        index_hour(scope, SLOTS[0], deadline=soon())
        assert counts(listed(scope)) == expected
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", [*faults.PASSING.values(), *faults.CRASHES.values()])
def test_an_indexer_that_fails_anywhere_loses_and_doubles_nothing(tables, fault):
    def attempt(step: int) -> faults.Injected:
        scope = indexed_scope()
        send(scope, [event("first one", FIRST)])
        index_hour(scope, SLOTS[0], deadline=soon())
        send(scope, [event("second one", FIRST), event("first one", FIRST + 1)])
        try:
            with injected(fault, at=step) as transport:
                index_hour(scope, SLOTS[0], deadline=soon())
        except Crash:
            pass
        for _ in range(2):
            found = listed(scope)
            assert counts(found) == {"first one": 2, "second one": 1}
            assert {each.sample for each in found.patterns} == {"first one", "second one"}
            index_hour(scope, SLOTS[0], deadline=soon())
        return transport

    assert each_step(attempt) >= 4


def test_of_two_indexers_at_once_neither_hides_what_the_other_found(tables):
    def attempt(step: int) -> faults.Injected:
        scope = indexed_scope()
        send(scope, [event("first", FIRST), event("also first", FIRST + HOUR)])

        def other() -> None:
            send(scope, [event("second", FIRST)])
            index_hour(scope, SLOTS[0], deadline=soon())
            index_hour(scope, SLOTS[1], deadline=soon())

        with meanwhile(other, at=step) as transport:
            index_hour(scope, SLOTS[0], deadline=soon())
        expected = {"first": 1, "also first": 1} | ({"second": 1} if transport.met else {})
        assert counts(listed(scope)) == expected
        index_hour(scope, SLOTS[0], deadline=soon())
        assert counts(listed(scope)) == expected
        return transport

    assert each_step(attempt) >= 4


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_pattern_is_compared_with_the_stretch_of_the_same_length_before(tables):
    scope = indexed_scope()
    for ago, times in ((3, 10), (5, 2)):
        some = [event(f"disk {at} is full", NOW_MS - ago * HOUR + at, service="db") for at in range(times)]
        send(scope, some)
        index_hour(scope, slot_of(NOW_MS - ago * HOUR), deadline=soon())
    one = only(listed(scope, within=TimeRange(slot_of(NOW_MS - 4 * HOUR) * HOUR, slot_of(NOW_MS - 2 * HOUR) * HOUR)))
    assert (one.count, one.before, one.change, one.rising, one.share) == (10, 2, "more", True, 1.0)
    assert (one.first_seen_ms, one.last_seen_ms) == (NOW_MS - 5 * HOUR, NOW_MS - 3 * HOUR + 9)
    assert (one.services, one.levels, one.find) == ({"db": 10}, {"info": 10}, "is full")
    assert one.new
    assert [one.spark[-1 - ago] for ago in (3, 5, 4)] == [10, 2, 0]
    assert one.sample == "disk 9 is full"


def test_the_hour_that_a_range_begins_and_ends_in_is_counted_whole_and_said(tables):
    scope = indexed_scope()
    send(scope, [event("early", FIRST + 1), event("late", FIRST + 3 * HOUR - 1)])
    for slot in range(SLOTS[0], SLOTS[0] + 3):
        index_hour(scope, Slot(slot), deadline=soon())
    found = listed(scope, within=TimeRange(FIRST + HOUR // 2, FIRST + 2 * HOUR + HOUR // 2))
    assert counts(found) == {"early": 1, "late": 1}
    assert (found.start, found.end) == (FIRST, FIRST + 3 * HOUR)


def test_short_ranges_and_other_queries_are_counted_exactly(tables):
    scope = indexed_scope()
    send(scope, [event("early", FIRST + 1), event("late", FIRST + HOUR)])
    assert counts(listed(scope, within=TimeRange(FIRST + 2, FIRST + HOUR + 1))) == {"late": 1}
    found = listed(scope, parse("early"), within=TimeRange(FIRST, NOW_MS))
    assert (counts(found), found.start, found.query.q) == ({"early": 1}, FIRST, "early")


def test_a_pattern_that_came_back_is_regressed_whatever_the_range_and_for_the_project_s_window(tables):
    slug = f"o{secrets.token_hex(6)}"
    made = create_project(NewOrg(slug, slug), NewProject("shop", "Shop", 30), now=1)
    project = project_by_id(made.org, made.project)
    assert project is not None
    scope, name = Scope(made.org, made.project, 30), pattern_id("disk <n> is full").hex()

    def state(now_ms: int, start: int) -> str:
        index.raise_watermark(scope, slot_of(now_ms), now_ms=now_ms, deadline=soon())
        found = listed(scope, within=TimeRange(start, start + 2 * HOUR), now_ms=now_ms)
        return next(each.state for each in found.patterns if each.id == name)

    send(scope, [event("disk 1 is full", FIRST)])
    index_hour(scope, SLOTS[0], deadline=soon())
    resolved_at = FIRST + HOUR // 2
    pattern_states.resolve(project, name, by=Operator(), now_ms=resolved_at)
    later = NOW_MS + 3 * DAY_MS
    assert state(NOW_MS, FIRST) == "resolved"
    assert state(later, FIRST) == "resolved"
    # Within half a day of the first: its text's item is not written again, and the list looks at the hours between.
    send(scope, [event("disk 2 is full", resolved_at + 1)])
    index_hour(scope, SLOTS[0], deadline=soon())
    assert [state(now, start) for now in (NOW_MS, later) for start in (FIRST, FIRST - 9 * HOUR)] == ["regressed"] * 4
    pattern_states.resolve(project, name, by=Operator(), now_ms=later)
    assert state(later + HOUR, FIRST) == "resolved"
    again = later + 20 * DAY_MS
    send(scope, [event("disk 3 is full", again)], now_ms=again)
    assert state(again + HOUR, again - HOUR) == "regressed"
    index_hour(scope, slot_of(again), deadline=soon())
    assert state(again + 11 * DAY_MS, slot_of(again) * HOUR) == "open"


@pytest.mark.requirement("S37")
def test_nothing_of_events_beyond_the_window_is_listed_even_where_nothing_was_deleted(tables):
    scope = new_scope(retention_days=2)
    index.raise_watermark(scope, slot_of(NOW_MS), now_ms=NOW_MS, deadline=soon())
    send(scope, [event("old secret 1", FIRST), event("steady 1", FIRST)])
    index_hour(scope, SLOTS[0], deadline=soon())
    later = FIRST + DAY_MS
    send(scope, [event("steady 2", later)], now_ms=later + 5 * HOUR)
    index_hour(scope, slot_of(later), deadline=soon())
    now = FIRST + 2 * DAY_MS + 1
    index.raise_watermark(scope, slot_of(now), now_ms=now, deadline=soon())
    one = only(listed(scope, within=TimeRange(FIRST - DAY_MS, now), now_ms=now))
    assert (one.template, one.count, one.sample) == ("steady <n>", 1, "steady 2")
    assert one.first_seen_ms >= now - scope.retention_ms
    assert listed(scope, within=TimeRange(now - 2 * HOUR, now), now_ms=now).patterns == []
    much_later = now + 3 * DAY_MS
    assert listed(scope, within=TimeRange(FIRST, much_later), now_ms=much_later).patterns == []


@pytest.mark.requirement("I9")
def test_a_list_of_very_many_patterns_ends_and_counts_the_rest_as_other(tables, monkeypatch):
    monkeypatch.setattr(pattern_counts, "MOST_FOUND", 3)
    scope = indexed_scope()
    send(scope, [event(f"kind {letter}", FIRST + at) for at, letter in enumerate("abcdefg")])
    index_hour(scope, SLOTS[0], deadline=soon())
    found = listed(scope)
    assert (len(found.patterns), found.events, found.other, found.partial) == (3, 7, 4, False)


@pytest.mark.requirement("I11")
def test_a_list_that_ran_out_of_time_says_from_when_on_it_is_complete(tables, monkeypatch):
    monkeypatch.setattr(budget, "BLOCKS", 2)
    scope = new_scope()
    for hour in range(6):
        send(scope, [event(f"kind {'abcdef'[hour]}", FIRST + hour * HOUR + 1)])
    found = listed(scope, within=TimeRange(FIRST, FIRST + 6 * HOUR))
    assert (found.partial, found.events, counts(found)) == (True, 2, {"kind e": 1, "kind f": 1})
    assert found.reached is not None
    assert FIRST + 3 * HOUR + 1 < found.reached <= FIRST + 4 * HOUR + 1
    assert {each.change for each in found.patterns} == {"new"}


@pytest.mark.requirement("I4")
def test_two_projects_see_nothing_of_each_other(tables):
    one, other = indexed_scope(), indexed_scope()
    for scope, canary in ((one, "canary of one"), (other, "canary of the other")):
        send(scope, [event("the same in both", FIRST), event(canary, FIRST)])
        index_hour(scope, SLOTS[0], deadline=soon())
    assert counts(listed(one)) == {"the same in both": 1, "canary of one": 1}
    assert counts(listed(other)) == {"the same in both": 1, "canary of the other": 1}
