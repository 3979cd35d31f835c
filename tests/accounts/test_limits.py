"""Limits are exact however many ask at once, are counted in the store, and say what happens when it does not answer."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage import dynamodb, limits
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import item
from chalicelib.storage.limits import LIMITS, Fails, Leases, LimitReached, Rate, allow, source_of
from chalicelib.storage.tables import keys

NOW_MS = 1_790_000_000_000
FIVE = Rate(5, 10)
STEP_MS = 2_000


def taken(rate: Rate = FIVE, *, now_ms: int = NOW_MS, tries: int = 20, subject: str = "ann") -> int:
    return sum(allowed(rate, now_ms=now_ms, subject=subject) for _ in range(tries))


def allowed(rate: Rate = FIVE, *, now_ms: int = NOW_MS, subject: str = "ann") -> bool:
    try:
        allow("test", subject, now_ms=now_ms, rate=rate)
    except LimitReached:
        return False
    return True


@pytest.mark.requirement("S17")
def test_a_burst_is_allowed_and_not_one_more(store: None) -> None:
    assert taken() == 5


@pytest.mark.requirement("S17")
def test_room_comes_back_evenly(store: None) -> None:
    taken()
    assert not allowed(now_ms=NOW_MS + STEP_MS - 1)
    assert taken(now_ms=NOW_MS + STEP_MS) == 1
    assert taken(now_ms=NOW_MS + 4 * STEP_MS) == 3
    assert taken(now_ms=NOW_MS + 1_000_000) == 5


@pytest.mark.requirement("S17")
def test_after_as_long_as_it_says_there_is_room(store: None) -> None:
    taken()
    with pytest.raises(LimitReached) as reached:
        allow("test", "ann", now_ms=NOW_MS, rate=FIVE)
    assert reached.value.retry_after == 2
    assert allowed(now_ms=NOW_MS + 1_000 * reached.value.retry_after)


@pytest.mark.requirement("S17")
def test_everybody_has_an_allowance_of_their_own_and_so_has_every_limit(store: None) -> None:
    taken()
    assert allowed(subject="bob")
    allow("another", "ann", now_ms=NOW_MS, rate=FIVE)


@pytest.mark.requirement("S17", "V2.3.2")
@pytest.mark.engine
def test_of_fifty_at_once_exactly_the_burst_gets_through(at_once: Callable[..., list[Any]]) -> None:
    assert at_once(allowed, 50).count(True) == 5
    assert at_once(lambda: allowed(now_ms=NOW_MS + 2 * STEP_MS), 50).count(True) == 2
    assert at_once(lambda: allowed(now_ms=NOW_MS + 3_600_000), 50).count(True) == 5


@pytest.mark.requirement("S17")
@pytest.mark.engine
def test_of_fifty_instances_whose_answers_are_lost_exactly_the_burst_gets_through(
    at_once: Callable[..., list[Any]], lost_answers: None
) -> None:
    through = at_once(allowed, 50).count(True)
    assert through <= 5


@pytest.mark.requirement("S17")
def test_a_write_whose_answer_was_lost_counts_once(moto_store: None, lost_answers: None) -> None:
    assert taken() == 5


@pytest.mark.requirement("S17")
def test_the_common_case_is_one_write_and_never_a_read(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    whole = dynamodb.transport

    def noting(endpoint: str, headers: dict[str, str], body: bytes) -> dynamodb.Reply:
        sent.append(headers["x-amz-target"].rpartition(".")[2])
        return whole(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", noting)
    assert allowed()
    assert sent == ["UpdateItem"]
    sent.clear()
    taken()
    assert set(sent) == {"UpdateItem"}


@pytest.mark.requirement("S17", "I10")
def test_the_table_of_limits_names_nobody_and_forgets(moto_store: None) -> None:
    allow("sign-in-account", "ann@example.com", now_ms=NOW_MS)
    partition = keys.limit_partition(limits._digest("sign-in-account", "ann@example.com"))
    stored = item(keys.LIMITS, partition, keys.ONLY)
    assert stored is not None
    assert "ann" not in repr(stored)
    assert stored["t"].number * 1000 > stored["tat"].number


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=60))
def test_the_arithmetic_is_that_of_a_bucket_that_fills_evenly(pauses: list[int]) -> None:
    """The two updates, on one number, against the plain meaning: a bucket of `burst`, one more each step."""
    tat, now = None, NOW_MS
    level, at = float(FIVE.burst), NOW_MS
    for pause in pauses:
        now += pause
        if tat is None or tat <= now:
            tat, allowed_here = now + STEP_MS, True
        elif tat <= now + STEP_MS * (FIVE.burst - 1):
            tat, allowed_here = tat + STEP_MS, True
        else:
            allowed_here = False
        level, at = min(float(FIVE.burst), level + (now - at) / STEP_MS), now
        assert allowed_here == (level >= 1 - 1e-9)
        level -= allowed_here


@pytest.mark.requirement("S17", "S36", "V16.5.2", "V16.5.3", "V16.3.4")
def test_while_the_store_does_not_answer_sign_in_is_refused_and_ingest_goes_on_and_both_are_logged(
    moto_store: None, unavailable_limits: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(StoreUnavailable):
        allow("sign-in-account", "ann", now_ms=NOW_MS)
    with caplog.at_level(logging.WARNING):
        allow("ingest-key", "key", now_ms=NOW_MS)
        Leases().allow("ingest-key", "key", now_ms=NOW_MS)
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "limit=sign-in-account fails=closed",
        "limit=ingest-key fails=open",
        "limit=ingest-key fails=open",
    ]


@pytest.mark.requirement("S17", "S36")
def test_only_what_serves_many_requests_fails_open_or_is_leased() -> None:
    open_ones = {name for name, rate in LIMITS.items() if rate.fails is Fails.OPEN}
    leased = {name for name, rate in LIMITS.items() if rate.lease > 1}
    assert open_ones == leased == {
        "requests-source", "requests-person", "requests-key", "requests-connection", "ingest-key",
    }  # fmt: skip


@pytest.mark.requirement("S36")
def test_a_lease_costs_one_write_for_many_requests_and_counts_as_used(moto_store: None) -> None:
    rate, mine, others = Rate(10, 10, Fails.OPEN, lease=4), Leases(), Leases()
    for _ in range(4):
        mine.allow("test", "ann", now_ms=NOW_MS, rate=rate)
    assert granted(others, rate) + granted(mine, rate) == 6
    with pytest.raises(LimitReached):
        mine.allow("test", "ann", now_ms=NOW_MS, rate=rate)


@pytest.mark.requirement("S36")
def test_a_lease_ends_with_its_period_and_room_comes_back(moto_store: None) -> None:
    rate, mine = Rate(10, 10, Fails.OPEN, lease=4), Leases()
    mine.allow("test", "ann", now_ms=NOW_MS, rate=rate)
    assert granted(mine, rate, now_ms=NOW_MS + 20_000) == 10


@pytest.mark.requirement("S36")
def test_who_is_over_the_limit_costs_no_more_writes_until_there_can_be_room(
    moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate, mine = Rate(4, 4, Fails.OPEN, lease=4), Leases()
    granted(mine, rate)
    monkeypatch.setattr(dynamodb, "transport", None)
    with pytest.raises(LimitReached):
        mine.allow("test", "ann", now_ms=NOW_MS + 999, rate=rate)


@pytest.mark.requirement("S36")
def test_leases_are_kept_for_so_many_subjects_and_no_more(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leases, "MOST_SUBJECTS", 3)
    rate, mine = Rate(10, 10, Fails.OPEN, lease=5), Leases()
    for number in range(6):
        mine.allow("test", f"subject {number}", now_ms=NOW_MS, rate=rate)
    assert len(mine._held) == 3


def granted(leases: Leases, rate: Rate, *, now_ms: int = NOW_MS) -> int:
    count = 0
    for _ in range(30):
        try:
            leases.allow("test", "ann", now_ms=now_ms, rate=rate)
        except LimitReached:
            continue
        count += 1
    return count


@pytest.mark.requirement("S17")
@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("192.0.2.7, 10.0.0.1", "unknown"),
        ("somewhere", "unknown"),
    ],
)
def test_a_source_is_an_ipv4_address_or_a_whole_64(address: str, source: str) -> None:
    assert source_of(address) == source
