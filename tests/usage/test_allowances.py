"""The daily allowance: nothing is refused before 110 %, everything after, and a store that fails refuses nothing."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.events.scope import Scope
from chalicelib.events.store import allowances as engine
from chalicelib.events.store.allowances import (
    EVERY_MS,
    LONGEST_WAIT,
    WITH_ROOM_EVERY_MS,
    Allowances,
    AllowanceUsedUp,
    Standing,
    standing_of,
)
from chalicelib.events.store.usage import Tally, Used, tally
from chalicelib.ids import DAY_MS
from chalicelib.routes.usage import ADVICE
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests import faults
from tests.api.client import Client, Tenant, new_tenant
from tests.conftest import NOW_MS, new_scope
from tests.usage.conftest import KEY, SECOND, TODAY, soon

TO_MIDNIGHT = DAY_MS - NOW_MS % DAY_MS


class Container:
    """A function instance, with a memory of its own."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.allowances = Allowances(self.tally)

    def takes(self, scope: Scope, count: int, allowance: int | None, *, at: int = 0, key: str = KEY) -> bool:
        """Whether a request with so many events is taken, so many milliseconds after the present."""
        now_ms = NOW_MS + at
        try:
            self.allowances.check(scope, allowance, now_ms=now_ms, deadline=soon())
        except AllowanceUsedUp:
            return False
        self.tally.note(scope, key, Used(accepted=count), (), now_ms=now_ms, deadline=soon())
        return True


@pytest.fixture
def container() -> Container:
    return Container()


# --- where the line is ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S36")
@pytest.mark.parametrize(("used", "warns", "refuses"), [(79, 0, 0), (80, 1, 0), (100, 1, 0), (109, 1, 0), (110, 1, 1)])
def test_warned_at_four_fifths_and_refused_a_tenth_above(used: int, warns: bool, refuses: bool) -> None:
    standing = Standing(100, used, TODAY)
    assert (standing.warns, standing.refuses) == (warns, refuses)


@given(allowance=st.integers(1, 10**12), used=st.integers(0, 2 * 10**12))
def test_the_lines_are_never_drawn_too_low(allowance: int, used: int) -> None:
    standing = Standing(allowance, used, TODAY)
    assert standing.refuses == (used * 10 >= allowance * 11)
    assert standing.warns == (used * 10 >= allowance * 8)


@pytest.mark.requirement("S36")
def test_everything_between_the_allowance_and_a_tenth_more_is_taken(store, scope, container) -> None:
    taken = [container.takes(scope, 10, 100, at=number) for number in range(20)]
    assert taken == [True] * 11 + [False] * 9


def test_a_request_is_taken_whole_however_far_it_reaches(store, scope, container) -> None:
    assert container.takes(scope, 109, 100)
    assert container.takes(scope, 1_000, 100, at=1)
    assert not container.takes(scope, 1, 100, at=2)


def test_who_has_no_allowance_costs_no_reading(store, scope, container) -> None:
    with faults.counted() as calls:
        assert all(container.takes(scope, 1_000, None, at=number) for number in range(20))
    assert calls.calls == ["UpdateItem"]


def test_what_other_containers_took_is_known_with_the_next_reading(store, scope) -> None:
    one, other = Container(), Container()
    assert one.takes(scope, 60, 100)
    assert other.takes(scope, 50, 100, at=1)
    assert one.takes(scope, 1, 100, at=EVERY_MS - 1)
    assert not one.takes(scope, 1, 100, at=EVERY_MS)


def test_the_counters_are_read_every_ten_seconds_and_every_minute_while_there_is_room(store, scope, container) -> None:
    def readings(count: int) -> int:
        with faults.counted() as calls:
            for at in range(0, 120_000, 500):
                container.takes(scope, count, 1_000_000, at=at)
        return calls.calls.count("Query")

    assert readings(0) == 120_000 // WITH_ROOM_EVERY_MS
    container.tally.note(scope, KEY, Used(accepted=600_000), (), now_ms=NOW_MS, deadline=soon())
    assert readings(0) == 120_000 // EVERY_MS


def test_an_allowance_that_is_raised_counts_at_once(store, scope, container) -> None:
    container.takes(scope, 110, 100)
    assert not container.takes(scope, 1, 100, at=1)
    assert container.takes(scope, 1, 200, at=2)


def test_it_begins_again_with_the_day(store, scope, container) -> None:
    container.takes(scope, 110, 100, at=TO_MIDNIGHT - 2)
    assert not container.takes(scope, 1, 100, at=TO_MIDNIGHT - 1)
    assert container.takes(scope, 1, 100, at=TO_MIDNIGHT)


@pytest.mark.parametrize(
    ("before_midnight", "seconds"), [(1, 1), (1_000, 1), (90_000, 90), (8 * 3_600_000, LONGEST_WAIT)]
)
def test_a_client_is_told_to_wait_until_the_day_ends_but_an_hour_at_most(
    store, scope, container, before_midnight, seconds
) -> None:
    now_ms = NOW_MS + TO_MIDNIGHT - before_midnight
    container.tally.note(scope, KEY, Used(accepted=200), (), now_ms=now_ms, deadline=soon())
    with pytest.raises(AllowanceUsedUp) as refused:
        container.allowances.check(scope, 100, now_ms=now_ms, deadline=soon())
    assert refused.value.retry_after == seconds


@pytest.mark.requirement("I4", "S28")
def test_one_project_uses_up_nothing_of_another(store, container) -> None:
    loud, quiet = new_scope(), new_scope()
    container.takes(loud, 500, 100)
    assert not container.takes(loud, 1, 100, at=1)
    assert container.takes(quiet, 1, 100, at=2)


# --- never too early --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S36", "I11")
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from(["aaaaaaaa", "bbbbbbbb"]), st.integers(0, 40), st.integers(0, 30_000),
            st.sampled_from(["", "", "", "throttled", "server error", "no answer"]), st.booleans(),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_whatever_happens_nothing_is_refused_before_a_tenth_more_was_taken(moto_store, requests) -> None:
    """Three containers, two keys, clocks that go on, faults of the store, containers that end."""
    containers, scope, now, accepted = [Container() for _ in range(3)], new_scope(), 0, 0
    for number, key, count, pause, fault, ends in requests:
        now = min(now + pause, TO_MIDNIGHT - 1)
        if fault:
            with faults.injected(faults.PASSING[fault], lasting=True):
                taken = containers[number].takes(scope, count, 100, at=now, key=key)
        else:
            taken = containers[number].takes(scope, count, 100, at=now, key=key)
        assert taken or accepted >= 110
        accepted += count if taken else 0
        if ends:
            containers[number] = Container()


@pytest.mark.requirement("S36")
def test_threads_of_one_container_refuse_nothing_too_early(store, scope, container) -> None:
    taken, lock, early = [0], threading.Lock(), []

    def requests() -> None:
        for at in range(0, 60_000, 250):
            with lock:
                taken[0] += 1  # before it is: what is on its way may be known already
            if not container.takes(scope, 1, 500, at=at):
                with lock:
                    taken[0] -= 1
                    early.extend([taken[0]] if taken[0] < 550 else [])

    threads = [threading.Thread(target=requests) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert early == []
    assert 550 <= taken[0] < 6 * 240, "in the end it is refused"


def test_a_container_that_was_refused_its_addition_counts_it_once(store, scope, container) -> None:
    with faults.injected(faults.THROTTLED, at=2, lasting=True):
        container.takes(scope, 50, 100)
    assert container.takes(scope, 50, 100, at=EVERY_MS)
    assert container.takes(scope, 9, 100, at=2 * EVERY_MS)
    assert container.takes(scope, 1, 100, at=3 * EVERY_MS)
    assert not container.takes(scope, 1, 100, at=4 * EVERY_MS)


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("name", ["throttled", "server error", "no answer"])
def test_while_the_counters_cannot_be_read_events_are_taken(name, store, scope, container, caplog) -> None:
    other = Container()
    other.takes(scope, 500, 100)
    with faults.injected(faults.PASSING[name], lasting=True) as calls:
        assert all(container.takes(scope, 1, 100, at=at) for at in range(50))
    assert calls.calls.count("Query") <= 3, "a store that fails is asked once in ten seconds"
    assert "an allowance could not be looked at" in caplog.text
    assert not container.takes(scope, 1, 100, at=WITH_ROOM_EVERY_MS)


def test_what_was_known_before_the_store_failed_goes_on_being_known(store, scope, container) -> None:
    container.takes(scope, 110, 100)
    assert not container.takes(scope, 1, 100, at=1)
    with faults.injected(faults.SERVER_ERROR, lasting=True):
        assert not container.takes(scope, 1, 100, at=EVERY_MS)


# --- through the door -------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(store: None) -> Tenant:
    """May be sent ten events a day."""
    tenant = new_tenant("acme", "shop")
    row = TenantItem.get(keys.org_partition(tenant.scope.org), keys.project_sort(tenant.scope.project))
    row.events_a_day = 10
    row.save()
    return tenant


def send(shop: Tenant, count: int, name: str = "event"):
    batch = {"events": [{"message": f"{name} {number}"} for number in range(count)]}
    return Client().post("/api/ingest", batch, key=shop.ingest_key)


def usage_of(shop: Tenant):
    return Client().get(f"/api/orgs/acme/projects/{shop.project}/usage", key=shop.query_key).json


@pytest.mark.requirement("S36", "W6")
def test_a_batch_above_is_refused_whole_and_nothing_of_it_is_stored(shop: Tenant) -> None:
    assert [send(shop, 5, name).status for name in "abc"] == [202, 202, 202]
    refused = send(shop, 3, "refused")
    assert refused.status == 429
    assert refused.json["type"] == "urn:scrywatch:problem:allowance"
    assert (refused.json["allowance"], refused.json["used"]) == (10, 15)
    assert 1 <= int(refused.headers["Retry-After"]) <= LONGEST_WAIT
    assert int(refused.headers["Retry-After"]) == refused.json["retry_after"]
    found = Client().get(f"{shop.logs}?since=1h", key=shop.query_key).json["data"]
    assert len(found) == 15
    assert not [each for each in found if each["message"].startswith("refused")]


def test_a_batch_of_nothing_is_answered_as_ever(shop: Tenant) -> None:
    send(shop, 11)
    assert send(shop, 0).status == 202


@pytest.mark.requirement("I11")
def test_usage_tells_the_allowance_and_what_was_refused(shop: Tenant) -> None:
    before = usage_of(shop)
    assert (before["daily_allowance"], before["today"]["used"]) == (10, 0)
    send(shop, 11)
    send(shop, 3)
    tally.flush(now_ms=int(time.time() * 1000) + 11 * SECOND, deadline=soon())
    found = usage_of(shop)
    assert {name: found["today"][name] for name in ("events", "used", "warned_from", "refused_from")} == {
        "events": 10, "used": 11, "warned_from": 8, "refused_from": 11
    }  # fmt: skip
    assert found["today"]["begins_again_at"] % DAY_MS == 0
    assert (found["total"]["accepted"], found["total"]["rejected"]) == (11, 3)
    assert found["rejections"] == [{"reason": "over_allowance", "count": 3, "advice": ADVICE["over_allowance"]}]


def test_no_project_item_is_read_a_second_time_for_it(shop: Tenant) -> None:
    send(shop, 1)
    with faults.counted() as with_allowance:
        send(shop, 1, "again")
    assert with_allowance.calls.count("Query") == 0
    stored = item(keys.TENANTS, keys.org_partition(shop.scope.org), keys.project_sort(shop.scope.project))
    assert stored is not None
    assert stored["events_a_day"].number == 10


def test_a_project_stands_where_its_counters_say(store, scope, container) -> None:
    assert standing_of(scope, None, now_ms=NOW_MS, deadline=soon()) is None
    container.takes(scope, 85, 100)
    standing = standing_of(scope, 100, now_ms=NOW_MS, deadline=soon())
    assert standing == Standing(100, 85, TODAY)
    assert standing.begins_again_at == NOW_MS + TO_MIDNIGHT
    assert engine.WARNED_PERCENT == 80
