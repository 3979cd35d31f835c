"""Recording a deploy: once, whoever sends it how often and at once; found by time, gone with the window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import deploy_recording, deploys
from chalicelib.events.store.deploy_recording import MOST_A_DAY, DeployTimeRefused, Recorded, TooManyDeploys
from chalicelib.events.store.deploys import DeployUnknown
from chalicelib.events.store.receipt import IdempotencyConflict
from chalicelib.ids import DAY_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables import keys
from tests.conftest import NOW_MS, new_scope
from tests.deploys.conftest import KEY, MINUTE, listed, recorded
from tests.engine.project import on_one_engine, soon
from tests.faults import CRASH_AFTER, CRASHES, LOST_ANSWER, PASSING, Crash, injected, meanwhile
from tests.tenancy.world import at_once, on_engine


def test_what_was_recorded_is_found_with_everything_that_was_said(store, scope: Scope):
    told = {"service": "checkout", "environment": "production", "url": "https://ci.example.com/7", "note": "a note"}
    made = recorded(scope, "v1.4.2", at=NOW_MS - MINUTE, **told).deploy
    assert listed(scope) == [made]
    assert deploys.deploy(scope, made.id, now_ms=NOW_MS, deadline=soon()) == made
    assert (made.at, made.recorded_at, made.by) == (NOW_MS - MINUTE, NOW_MS, KEY)
    assert {name: getattr(made.release, name) for name in told} == told


def test_the_same_release_within_a_minute_is_the_same_deploy(store, scope: Scope):
    first = recorded(scope, "v1", service="api")
    again = recorded(scope, "v1", service="api", note="again", now_ms=NOW_MS + MINUTE - 1)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.deploy == first.deploy
    assert recorded(scope, "v1", service="web").is_new
    assert recorded(scope, "v2", service="api").is_new
    assert recorded(scope, "v1", service="api", environment="production").is_new
    assert recorded(scope, "v1", service="api", now_ms=NOW_MS + MINUTE).is_new
    assert len(listed(scope, now_ms=NOW_MS + MINUTE)) == 5


def test_fields_do_not_run_into_each_other(store, scope: Scope):
    assert recorded(scope, "a", service="b").is_new
    assert recorded(scope, "ab").is_new
    assert recorded(scope, "a", environment="b").is_new


def test_a_request_with_a_key_is_known_again_much_later(store, scope: Scope):
    first = recorded(scope, "v1", key="run-7")
    again = recorded(scope, "v1", key="run-7", now_ms=NOW_MS + 3 * DAY_MS)
    assert again == Recorded(first.deploy, is_new=False)
    with pytest.raises(IdempotencyConflict):
        recorded(scope, "v2", key="run-7")
    with pytest.raises(IdempotencyConflict):
        recorded(scope, "v1", key="run-7", at=NOW_MS - MINUTE)
    assert len(listed(scope, now_ms=NOW_MS + 3 * DAY_MS)) == 1


def test_a_key_that_met_the_deploy_of_another_request_is_known_again_too(store, scope: Scope):
    first = recorded(scope, "v1")
    for now_ms in (NOW_MS + 1, NOW_MS + DAY_MS):
        assert recorded(scope, "v1", key="run-8", now_ms=now_ms) == Recorded(first.deploy, is_new=False)


@pytest.mark.parametrize("at", [NOW_MS + 5 * MINUTE + 1, NOW_MS - 30 * DAY_MS - 1])
def test_a_deploy_ahead_or_before_the_window_is_refused(moto_store, scope: Scope, at: int):
    with pytest.raises(DeployTimeRefused):
        recorded(scope, at=at)
    assert listed(scope) == []


@pytest.mark.requirement("S37")
def test_nobody_sees_a_deploy_that_the_window_left_behind(store):
    scope = new_scope(7)
    made = recorded(scope, key="k").deploy
    last, after = NOW_MS + 7 * DAY_MS, NOW_MS + 7 * DAY_MS + 1
    assert listed(scope, now_ms=last) == [made]
    assert listed(scope, now_ms=after) == []
    with pytest.raises(DeployUnknown):
        deploys.deploy(scope, made.id, now_ms=after, deadline=soon())


def test_the_store_may_forget_a_deploy_some_days_after_the_window(moto_store):
    scope = new_scope(7)
    recorded(scope, at=NOW_MS - DAY_MS, key="k")
    rows = dynamodb.call("Scan", {"TableName": dynamodb.table(keys.EVENTS)}).items
    kept = {row["s"].binary[:1]: row["t"].number for row in rows if "t" in row}
    assert kept == dict.fromkeys((keys.DEPLOY, b"z"), (NOW_MS + 9 * DAY_MS) // 1000)


def test_a_list_is_read_page_by_page_and_between_two_times(store, scope: Scope):
    made = [recorded(scope, f"v{at}", at=NOW_MS - at * MINUTE).deploy for at in range(5)]
    first = listed(scope, limit=2)
    assert first == made[:2]
    assert listed(scope, limit=2, before=first[-1].id) == made[2:4]
    assert listed(scope, limit=2, before=made[3].id) == made[4:]
    assert listed(scope, before=made[4].id) == []
    within = TimeRange(made[3].at, made[1].at)
    assert listed(scope, within=within) == made[2:4], "the end does not belong to it"
    assert listed(scope, within=within, before=made[0].id) == made[2:4]
    assert listed(scope, before="no id") == made


def test_so_many_a_day_and_no_more(moto_store, scope: Scope, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deploy_recording, "MOST_A_DAY", 3)
    day = NOW_MS // DAY_MS * DAY_MS
    for number in range(3):
        recorded(scope, f"v{number}", now_ms=day + number)
    with pytest.raises(TooManyDeploys) as refused:
        recorded(scope, "v4", now_ms=day + DAY_MS - 5_000)
    assert refused.value.retry_after == 5
    assert not recorded(scope, "v0", now_ms=day + 10).is_new, "what is there is no new one"
    assert recorded(scope, "v4", now_ms=day + DAY_MS).is_new
    assert not recorded(scope, "v4", now_ms=day + DAY_MS - 1).is_new
    assert MOST_A_DAY == 1_000


@pytest.mark.requirement("I4")
def test_no_project_meets_the_deploys_of_another(store, scope: Scope):
    other = new_scope()
    made = recorded(scope, "v1", key="k").deploy
    assert recorded(other, "v1", key="k").is_new
    assert listed(scope) == [made]
    with pytest.raises(DeployUnknown):
        deploys.deploy(other, made.id, now_ms=NOW_MS, deadline=soon())


@pytest.mark.parametrize("named", ["", "x", "00" * 9, "00" * 11, "00" * 10, "é" * 20, " " + "00" * 10])
def test_what_is_no_id_names_nothing(moto_store, scope: Scope, named: str):
    recorded(scope)
    with pytest.raises(DeployUnknown):
        deploys.deploy(scope, named, now_ms=NOW_MS, deadline=soon())


# --- at once, and when something breaks -------------------------------------------------------------------------------


@on_engine
@pytest.mark.requirement("I7")
def test_one_deploy_is_recorded_by_however_many_at_once(store, scope: Scope):
    def again(number: int):
        return lambda: recorded(scope, "v1", key=f"run-{number % 2}", now_ms=NOW_MS + number)

    outcomes = at_once([again(number) for number in range(12)])
    [made] = listed(scope, now_ms=NOW_MS + MINUTE)
    done = [each for each in outcomes if isinstance(each, Recorded)]
    assert sum(each.is_new for each in done) == 1 or any(isinstance(each, StoreUnavailable) for each in outcomes)
    assert {each.deploy.id for each in done} == {made.id}
    assert all(isinstance(each, Recorded | StoreUnavailable) for each in outcomes)


@on_engine
def test_different_deploys_at_once_are_all_recorded_and_counted(store, scope: Scope):
    outcomes = at_once([lambda number=number: recorded(scope, f"v{number}") for number in range(8)])
    done = [each for each in outcomes if isinstance(each, Recorded)]
    assert len(listed(scope)) == len(done)
    row = dynamodb.call("Scan", {"TableName": dynamodb.table(keys.EVENTS)}).items
    [count] = [each["i"].number for each in row if each["s"].binary == keys.DEPLOYS_COUNTED]
    assert count == len(done)


def test_who_was_overtaken_begins_again_and_finds_the_other(moto_store, scope: Scope):
    other = []
    with meanwhile(lambda: other.append(recorded(scope, "v1")), at=3):
        mine = recorded(scope, "v1")
    assert mine == Recorded(other[0].deploy, is_new=False)
    assert len(listed(scope)) == 1


@pytest.mark.requirement("I6", "I12")
@pytest.mark.parametrize("fault", [*PASSING.values(), *CRASHES.values()], ids=[*PASSING, *CRASHES])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_recording_that_broke_is_sent_again_and_stands_once(moto_store, scope: Scope, fault, at: int):
    try:
        with injected(fault, at=at):
            recorded(scope, "v1", key="run-9")
    except (Crash, StoreUnavailable):
        pass
    recorded(scope, "v1", key="run-9", now_ms=NOW_MS + 2 * MINUTE)
    found = listed(scope, now_ms=NOW_MS + 2 * MINUTE)
    assert [each.release.version for each in found] == ["v1"]


def test_an_answer_that_was_lost_makes_no_second_deploy(moto_store, scope: Scope):
    with injected(LOST_ANSWER, at=3):
        assert recorded(scope, "v1").is_new
    assert len(listed(scope)) == 1
    with pytest.raises(Crash), injected(CRASH_AFTER, at=3):
        recorded(scope, "v2")
    assert not recorded(scope, "v2", now_ms=NOW_MS + 1_000).is_new


@pytest.mark.engine
@on_one_engine
@given(
    sent=st.lists(
        st.tuples(
            st.sampled_from(["v1", "v2"]), st.sampled_from(["", "api"]), st.integers(0, 4 * MINUTE),
            st.sampled_from([None, "a", "b"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_two_of_one_release_stand_within_a_minute(engine_store, sent):
    scope = new_scope()
    for version, service, back, key in sent:
        try:
            recorded(scope, version, service=service, at=NOW_MS - back, key=key)
        except IdempotencyConflict:
            continue
    found = sorted(listed(scope), key=lambda each: each.at)
    for before, after in ((a, b) for a in found for b in found if a.at <= b.at and a is not b):
        assert before.release.identity != after.release.identity or after.at - before.at >= MINUTE
    asked = {(version, service, NOW_MS - back) for version, service, back, key in sent if key is None}
    assert all(
        any(each.release.identity[:2] == (version, service) and abs(each.at - at) < MINUTE for each in found)
        for version, service, at in asked
    ), "each that was sent without a key has its marker"
