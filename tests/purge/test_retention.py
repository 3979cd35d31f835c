"""What a window has left behind is gone for good after the purge, everywhere, and nothing else is."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.events.decode import UNTIMED
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, purging
from chalicelib.events.store.pattern_templates import Template, learn, templates_of
from chalicelib.events.store.purging import LEFT_TO_TTL_MS, Stay
from chalicelib.identity.projects import project_by_id
from chalicelib.ids import DAY_MS, HOUR_MS, OrgId, ProjectId, slot_of
from chalicelib.jobs import retention
from chalicelib.jobs.clock import Clock
from chalicelib.jobs.retention import Report
from chalicelib.storage import audit, dynamodb, erasures, outbox
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.items import items
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS
from tests.faults import Crash, each_step, injected, meanwhile
from tests.long_form import FULL
from tests.purge.conftest import CREATED_MS, WINDOW, fill, items_of, keep, project
from tests.store.driver import event, messages, send, soon, timeline_total

HORIZON = NOW_MS - WINDOW * DAY_MS
LONG_AGO = HORIZON - 12 * DAY_MS
"""Behind the horizon for longer than anything that is derived is kept."""

ALL_OF_IT = {"start": NOW_MS - 60 * DAY_MS, "end": NOW_MS + HOUR_MS}


def _run(now_ms: int = NOW_MS, *, seconds: float = 120) -> Report:
    return retention.run(Clock(now_ms=now_ms, deadline=time.monotonic() + seconds))


def _purge(scope: Scope, *, left_to_ttl: int = 0, now_ms: int = NOW_MS) -> Counter[str]:
    known = project_by_id(scope.org, scope.project)
    assert known is not None
    stay = Stay(now_ms - scope.retention_ms, left_to_ttl)
    deleted, is_all = retention.purge_behind(known, stay, Clock(now_ms=now_ms, deadline=time.monotonic() + 120))
    assert is_all
    return deleted


def _hours_held(scope: Scope) -> set[int]:
    """The hours that any block, detail or note is in."""
    head = scope.org + scope.project + b"e"
    return {
        int.from_bytes(p[17:21], "big") for table, p, _ in items_of(scope) if table == keys.EVENTS and p[:17] == head
    }


@pytest.fixture
def expiring(monkeypatch: pytest.MonkeyPatch, engine_endpoint: str) -> Iterator[None]:
    """As on AWS, where DynamoDB deletes what expires."""
    monkeypatch.delenv("SCRY_DYNAMODB_ENDPOINT")
    settings.current.cache_clear()
    monkeypatch.setattr(dynamodb, "transport", _elsewhere(dynamodb.transport, engine_endpoint))
    yield
    settings.current.cache_clear()


def _elsewhere(carry: dynamodb.Transport, endpoint: str) -> dynamodb.Transport:
    return lambda _, headers, body: carry(endpoint, headers, body)


@pytest.mark.requirement("S38")
def test_what_lies_behind_the_window_is_gone_everywhere_and_the_rest_is_there():
    scope, other = project(), project()
    for each in (scope, other):
        fill(each, NOW_MS - DAY_MS)
    before, others = items_of(scope), items_of(other)
    fill(scope, LONG_AGO)
    assert len(items_of(scope)) > len(before)
    report = _run()
    assert (report.projects, report.failed, report.interrupted) == (2, 0, False)
    left = set(items_of(scope)) - set(before)
    events = {(p[16:17], s[:1]) for table, p, s in left if table == keys.EVENTS}
    assert {sort for kind, sort in events if kind == b"i"} <= {keys.PURGED, keys.REJECTIONS}
    assert {kind for kind, _ in events} <= {b"i", b"r"}
    assert set(items_of(other)) >= set(others)
    assert len(messages(scope, **ALL_OF_IT)) == 304


@pytest.mark.requirement("S38")
def test_every_kind_is_counted_and_the_receipt_says_so():
    scope = project()
    fill(scope, LONG_AGO)
    report = _run()
    [receipt] = erasures.receipts_of(scope.org)
    assert receipt.subject == erasures.Subject("window", scope.org, scope.project)
    assert receipt.behind == slot_of(HORIZON) * HOUR_MS
    assert sum(receipt.removed.values()) == report.deleted
    assert set(receipt.removed) >= {
        "blocks", "details", "dictionaries", "hours of the index", "hours of patterns",
        "pattern texts", "states of patterns", "deploys", "notes", "usage counters",
    }  # fmt: skip


@pytest.mark.requirement("S38", "I2")
def test_receipts_of_batches_go_when_no_event_of_theirs_can_be_shown_and_no_sooner():
    scope = project(created_ms=NOW_MS - 200 * DAY_MS)
    for number in range(20):
        send(scope, [event(f"{number}", UNTIMED)], now_ms=NOW_MS - 61 * DAY_MS, idempotency_key=f"old {number}")
        send(scope, [event(f"{number}", UNTIMED)], now_ms=NOW_MS - 31 * DAY_MS, idempotency_key=f"young {number}")
    for day in range(16):
        _run(NOW_MS + day * DAY_MS)
    left = [table for table, p, _ in items_of(scope) if p[16:17] == b"r"]
    assert len(left) == 20
    for day in range(31, 47):
        _run(NOW_MS + day * DAY_MS)
    assert not [table for table, p, _ in items_of(scope) if p[16:17] == b"r"]


@pytest.mark.requirement("I1", "S37")
def test_a_window_that_grows_while_its_past_is_purged_loses_nothing_that_it_let_in():
    scope = project()
    early = HORIZON - 2 * HOUR_MS
    _purge(scope)
    known = project_by_id(scope.org, scope.project)
    assert known is not None
    wider = replace(scope, retention_days=2 * WINDOW)

    def grow() -> None:
        keep(wider, widest=2 * WINDOW)
        send(wider, [event("early", early)])

    with meanwhile(grow, at=3):
        clock = Clock(now_ms=NOW_MS, deadline=time.monotonic() + 120)
        _, is_all = retention.purge_behind(known, Stay(HORIZON, 0), clock)
    assert not is_all
    assert messages(wider, **ALL_OF_IT) == ["early"]


@pytest.mark.requirement("I1")
def test_the_text_of_a_pattern_that_was_seen_again_stays():
    scope = project()
    last = HORIZON - 3 * HOUR_MS
    seen = {b"p" * 8: Template("order <n>", "order 7", last, last)}
    learn(scope, seen, deadline=soon())
    _purge(scope)
    kept = templates_of(scope, now_ms=NOW_MS, deadline=soon())
    assert {name: (each.text, each.sample) for name, each in kept.items()} == {b"p" * 8: ("order <n>", "")}


@pytest.mark.requirement("S38")
def test_there_is_no_receipt_where_nothing_was_found():
    scope = project()
    fill(scope, NOW_MS - DAY_MS)
    assert _run().deleted == 0
    assert erasures.receipts_of(scope.org) == []


@pytest.mark.requirement("S38", "I8")
@pytest.mark.usefixtures("expiring")
def test_what_dynamodb_may_still_delete_by_itself_is_left_to_it_for_two_days():
    scope = project()
    young, old = HORIZON - LEFT_TO_TTL_MS + 2 * HOUR_MS, HORIZON - LEFT_TO_TTL_MS - 2 * HOUR_MS
    for at in (young, old):
        send(scope, [event("x", at)], now_ms=at)
    _run()
    assert _hours_held(scope) == {slot_of(young)}
    _run(NOW_MS + DAY_MS)
    assert _hours_held(scope) == set()


@pytest.mark.requirement("S38")
def test_nothing_is_left_to_an_engine_that_does_not_expire():
    scope = project()
    hour = slot_of(HORIZON)
    for slot in (hour - 1, hour):
        send(scope, [event("x", slot * HOUR_MS)], now_ms=slot * HOUR_MS)
    _run()
    assert _hours_held(scope) == {hour}


def test_a_partition_is_walked_once_a_day():
    scope = project()
    assert _run().projects == 1
    send(scope, [event("late", LONG_AGO)], now_ms=LONG_AGO)
    assert _run(NOW_MS + DAY_MS - 1).projects == 0
    assert _run(NOW_MS + DAY_MS).projects == 1
    assert _hours_held(scope) == {slot_of(LONG_AGO)}


@pytest.mark.requirement("I8")
def test_two_days_behind_the_last_purge_are_looked_at_again():
    scope = project()
    _purge(scope)
    late = slot_of(HORIZON) - retention.REVISITED_HOURS
    for slot in (late, late - 1):
        send(scope, [event("late", slot * HOUR_MS)], now_ms=slot * HOUR_MS)
    _purge(scope)
    assert _hours_held(scope) == {late - 1}


@pytest.mark.requirement("S38")
def test_what_a_window_let_in_after_it_had_grown_goes_too_when_its_time_has_come():
    scope = project()
    _purge(scope)
    wider = replace(scope, retention_days=2 * WINDOW)
    keep(wider, widest=2 * WINDOW)
    early = NOW_MS - 45 * DAY_MS
    send(wider, [event("early", early)])
    _purge(wider)
    assert _hours_held(wider) == {slot_of(early)}
    _purge(wider, now_ms=early + 2 * WINDOW * DAY_MS + HOUR_MS)
    assert _hours_held(wider) == set()


def test_every_shard_of_an_hour_is_emptied():
    scope = project(shards=((slot_of(LONG_AGO), 8),))
    for number in range(200):
        send(scope, [event(f"{number}", LONG_AGO)], now_ms=LONG_AGO)
    assert len({p for table, p, _ in items_of(scope) if p[16:17] == b"e"}) == 8
    assert _purge(scope)["blocks"] == 200
    assert _hours_held(scope) == set()


@pytest.mark.requirement("I1", "I11")
def test_what_is_visible_is_listed_and_counted_as_before():
    scope = project()
    for days in (1, 10, 29):
        fill(scope, NOW_MS - days * DAY_MS)
    fill(scope, LONG_AGO)
    listed, counted = messages(scope, **ALL_OF_IT), timeline_total(scope, **ALL_OF_IT)
    known = templates_of(scope, now_ms=NOW_MS, deadline=soon())
    _purge(scope)
    assert messages(scope, **ALL_OF_IT) == listed
    assert timeline_total(scope, **ALL_OF_IT) == counted
    assert templates_of(scope, now_ms=NOW_MS, deadline=soon()) == known


def test_the_dictionary_of_a_block_that_is_shown_stays():
    scope = project()
    fill(scope, HORIZON - 5 * DAY_MS)  # blocks may have been written with it for a week
    assert _purge(scope)["dictionaries"] == 0
    assert dictionaries.newest(scope, deadline=soon()).version == 1


@pytest.mark.requirement("I8")
@pytest.mark.parametrize("ends", [faults.CRASH_BEFORE, faults.CRASH_AFTER])
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(ends):
    def attempt(step: int) -> faults.Injected:
        begin = HORIZON - 5 * HOUR_MS
        scope = project(created_ms=begin + WINDOW * DAY_MS)
        for at in (begin, begin + HOUR_MS):
            send(scope, [event("x", at)], now_ms=at)
        with injected(ends, at=step) as transport, suppress(Crash):
            _purge(scope)
        _purge(scope)
        assert _hours_held(scope) == set()
        return transport

    assert each_step(attempt, pace=3) >= 20


@pytest.mark.requirement("I13")
def test_of_two_runs_at_once_both_may_delete_and_one_saves():
    scope = project()
    fill(scope, LONG_AGO)
    other = []
    with meanwhile(lambda: other.append(_run()), at=40):
        mine = _run()
    assert mine.failed == other[0].failed == 0
    assert _hours_held(scope) == set()


PROJECTS = 10_000 if FULL else 2_000


@pytest.mark.requirement("S38", "I9")
def test_among_thousands_of_projects_the_work_is_found_without_a_scan_and_goes_on_after_a_kill():
    old = [project() for _ in range(3)]
    for scope in old:
        send(scope, [event("x", LONG_AGO)], now_ms=LONG_AGO)
    _list_young_projects(PROJECTS - len(old))
    with pytest.raises(Crash), injected(faults.CRASH_BEFORE, at=PROJECTS // 2):
        _run()
    with faults.counted() as calls:
        # The lease of the run that was killed ends by itself.
        report = _run(NOW_MS + 10 * 60_000)
    assert "Scan" not in calls.calls
    assert not report.interrupted
    assert report.projects < PROJECTS
    assert [_hours_held(scope) for scope in old] == [set()] * 3
    assert _run(NOW_MS + 20 * 60_000).projects == 0


def _list_young_projects(count: int) -> None:
    """Projects as they are in the list and by their ids, younger than their windows."""
    made = [project_row(number) for number in range(count)]
    for first in range(0, count, 12):
        chunk = made[first : first + 12]
        requests = {
            dynamodb.table(table): [{"PutRequest": {"Item": row[table]}} for row in chunk]
            for table in (keys.WORK, keys.TENANTS)
        }
        assert not dynamodb.call("BatchWriteItem", {"RequestItems": requests}).unprocessed_items


def project_row(number: int) -> dict[str, dict[str, object]]:
    org, name = OrgId(number.to_bytes(8, "big")), ProjectId(bytes((number % 256,)) + number.to_bytes(7, "big"))
    listed = keys.project_list_partition(keys.work_number(name))
    return {
        keys.WORK: {"p": {"B": listed}, "s": {"B": keys.project_list_sort(org, name)}},
        keys.TENANTS: {
            "p": {"B": keys.org_partition(org)}, "s": {"B": keys.project_sort(name)}, "org": {"B": org},
            "project": {"B": name}, "slug": {"S": "web"}, "name": {"S": "Web"}, "shards": {"L": []},
            "retention_days": {"N": str(WINDOW)}, "widest_days": {"N": str(WINDOW)}, "state": {"S": "active"},
            "created_at": {"N": str(NOW_MS // 1000)}, "version": {"N": "1"},
        },
    }  # fmt: skip


@pytest.mark.requirement("S38")
def test_the_audit_log_keeps_two_years_whatever_the_window_is():
    scope, now = project(), NOW_MS // 1000
    for at in (now - audit.KEPT_SECONDS - 1, now - audit.KEPT_SECONDS + 3_600, now - 400 * 86_400, now):
        change = Change()
        audit.record(change, scope.org, actor=audit.OPERATOR, action="org.edit", target=f"{now - at}", at=at)
        commit(change)
    _run()
    left = [row["at"].number for row in items(keys.AUDIT, keys.org_audit_partition(scope.org))]
    assert left == [now - audit.KEPT_SECONDS + 3_600, now - 400 * 86_400, now]


@pytest.mark.requirement("S38")
def test_nobody_reads_an_entry_of_the_audit_log_that_is_older_even_if_nothing_deletes_it():
    scope, now = project(), int(time.time())
    for at in (now - audit.KEPT_SECONDS - 60, now):
        change = Change()
        audit.record(change, scope.org, actor=audit.OPERATOR, action="org.edit", target="", at=at)
        commit(change)
    assert [each.at for each in audit.search(scope.org, audit.Filter()).data] == [now]


def test_one_project_that_cannot_be_purged_does_not_keep_the_others(monkeypatch, caplog):
    broken, fine = project(), project()
    for scope in (broken, fine):
        send(scope, [event("x", LONG_AGO)], now_ms=LONG_AGO)
    empty_hours = purging.empty_hours

    def failing(scope, *given, **named):
        if scope.project == broken.project:
            raise RuntimeError
        return empty_hours(scope, *given, **named)

    monkeypatch.setattr(purging, "empty_hours", failing)
    assert _run().failed == 1
    assert broken.project.hex() in caplog.text
    assert (_hours_held(broken), _hours_held(fine)) == ({slot_of(LONG_AGO)}, set())


def test_a_project_younger_than_its_window_costs_one_read(monkeypatch):
    scope = project(created_ms=NOW_MS)
    with faults.counted() as calls:
        assert _purge(scope) == Counter()
    assert calls.calls == ["GetItem"]
    assert CREATED_MS < NOW_MS


def test_letters_that_are_shown_go_after_a_week(monkeypatch):
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()
    for days in (8, 6):
        outbox.keep(to="ana@acme.example", subject=f"{days} days", text="", now_ms=NOW_MS - days * DAY_MS)
    _run()
    assert [letter.subject for letter in outbox.letters()] == ["6 days"]
