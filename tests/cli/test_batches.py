"""Batches: bounded, in order, and under keys that a resend repeats and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scry.batches import MOST_BYTES, MOST_EVENTS, Batch, batches
from scry.items import Found, Pause, Unsendable


def items(count: int, *, timed: bool = False, message: str = "tick") -> list[Found]:
    time = {"timestamp": 1793534400000} if timed else {}
    return [Found({"message": message} | time, at + 1, at * 5) for at in range(count)]


def gathered(found, *, identity="/var/log/a.log", nonce="n1") -> list[Batch | Unsendable]:
    return list(batches(found, identity=identity, nonce=nonce))


def keys(found, **names) -> list[str]:
    return [batch.key for batch in gathered(found, **names)]


@pytest.mark.requirement("W2")
def test_a_batch_holds_at_most_a_thousand_events():
    assert [len(batch.events) for batch in gathered(items(2_500))] == [MOST_EVENTS, MOST_EVENTS, 500]


def test_a_batch_holds_at_most_a_megabyte_and_nothing_is_lost():
    found = gathered(items(60, message="x" * 50_000))
    assert all(len(batch.body) <= MOST_BYTES for batch in found)
    assert sum(len(json.loads(batch.body)["events"]) for batch in found) == 60
    assert [line for batch in found for line in batch.lines] == list(range(1, 61))


@pytest.mark.requirement("W4")
@pytest.mark.parametrize("timed", [True, False])
def test_a_file_sent_again_repeats_its_keys(timed):
    assert keys(items(2_500, timed=timed)) == keys(items(2_500, timed=timed), nonce="n2")


@pytest.mark.parametrize("timed", [True, False])
def test_the_same_lines_further_down_are_other_events(timed):
    assert len(set(keys(items(3_000, timed=timed)))) == 3


def test_lines_without_a_time_in_another_file_are_other_events():
    assert keys(items(3)) != keys(items(3), identity="/var/log/b.log")


def test_a_renamed_file_is_recognised_by_its_times():
    assert keys(items(3, timed=True)) == keys(items(3, timed=True), identity="/var/log/a.log.1")


def test_standard_input_without_times_is_news_each_time_and_with_times_is_not():
    assert keys(items(3), identity="", nonce="n1") != keys(items(3), identity="", nonce="n2")
    assert keys(items(3, timed=True), identity="", nonce="n1") == keys(items(3, timed=True), identity="", nonce="n2")


def test_a_key_stands_for_one_body_only():
    assert keys(items(3)) != keys(items(3, message="tock"))


def test_the_halves_of_equal_events_have_different_keys():
    (batch,) = gathered(items(4))
    first, second = batch.halves()
    assert first.events == second.events
    assert len({batch.key, first.key, second.key, *(half.key for half in first.halves())}) == 5


def test_a_pause_sends_what_there_is():
    found = gathered([*items(2), Pause(), Pause(), *items(1)])
    assert [len(batch.events) for batch in found] == [2, 1]


def test_what_cannot_be_json_is_named_and_the_rest_is_sent():
    unsendable, batch = gathered([Found({"metadata": {"x": float("inf")}}, 7, 0), *items(1)])
    assert (unsendable.line, len(batch.events)) == (7, 1)


@given(st.lists(st.text(st.characters(codec=None), max_size=6), max_size=5))
def test_any_text_makes_a_body_that_is_json_and_utf8(texts):
    for batch in gathered([Found({"message": text}, 1, at) for at, text in enumerate(texts)]):
        assert len(json.loads(batch.body.decode())["events"]) == len(texts)
