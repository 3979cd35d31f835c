"""Fingerprints of messages, and counting by them: the same every time, whatever differs between two occurrences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.event import Event
from chalicelib.events.patterns import LOOKED_AT, fingerprint, phrase
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.patterns import SAMPLE_LENGTH, Patterns
from tests.query.blocks import block_of
from tests.query.strategies import START, event_lists


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("connection refused", "connection refused"),
        ("user 4711 paid 12.50 after 230ms", "user <n> paid <n> after <duration>"),
        ("from 10.0.0.7:443 and fe80:0:0:0:1:2:3:4", "from <ip> and <ip>"),
        ("order 9f86d081-884c-4d65-9a2f-eaa0c55ad015 failed", "order <uuid> failed"),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736 at 0xdeadbeef", "trace <hex> at <hex>"),
        ("12345678 items and 1234567 items", "<n> items and <n> items"),
        ("mail to a.b+c@x.example bounced", "mail to <email> bounced"),
        ("GET https://x.example/a?b=1 -> 200", "GET <url> -> <n>"),
        ("GET /api/users/12?x=y took 1.5 s", "GET <path> took <duration>"),
        (r"cannot open C:\Users\x\y.txt or ./src/app.py:42", "cannot open <path> or <path>"),
        ("at 2026-01-02T03:04:05.123Z and 03:04:05", "at <time> and <time>"),
        ("cache miss for \"red shoes\" in 'x' of `y`", "cache miss for <text> in <text> of <text>"),
        ("wrote 12 MB of 5.5KiB", "wrote <size> of <size>"),
        ("req-8f3k2 by user_12 version v1.22.3", "<id> by <id> version <version>"),
        ("99.9% of -5 and 3.2e10", "<n> of <n> and <n>"),
        ("don't panic, it's fine", "don't panic, it's fine"),
        ("two  spaces\tand\nlines", "two spaces and lines"),
        ("Größe 5 überschritten, 注文 12", "Größe <n> überschritten, 注文 <n>"),
        ("", ""),
    ],
)
def test_what_differs_becomes_a_chip_and_the_words_stay(message, template):
    assert fingerprint(message) == template


@given(st.text(max_size=500))
def test_a_fingerprint_is_the_same_every_time_and_bounded(message):
    template = fingerprint(message)
    assert template == fingerprint(message)
    assert len(template) <= 8 * LOOKED_AT
    assert phrase(template, message) in message


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.uuids(), st.uuids())
def test_messages_that_differ_in_numbers_and_ids_have_one_fingerprint(one, other, name, another):
    first, second = (f"order {number} by {who} failed in {number}ms" for number, who in ((one, name), (other, another)))
    assert fingerprint(first) == fingerprint(second)


@pytest.mark.requirement("I9")
@pytest.mark.parametrize("piece", ["a", '"', "a-", "1", "/a", "a@", ":", "0x", "1.", "abcdef", "\\", "<", "a1-"])
def test_of_a_long_message_only_the_beginning_is_looked_at(piece):
    message = piece * 500_000
    assert fingerprint(message) == fingerprint(message[:LOOKED_AT])


@pytest.mark.parametrize(
    ("message", "words"),
    [("user 7 not found in table", "not found in table"), ("7 10.0.0.7", ""), ("plain words", "plain words"), ("", ""),
     ("failed: 'x'", "failed"),
     ("Unhandled: pool exhausted\n  at acquire (/srv/pool.js:88)", "Unhandled: pool exhausted"),
     ("out  of memory", "of memory")],
)  # fmt: skip
def test_the_longest_words_of_a_pattern_find_it(message, words):
    assert phrase(fingerprint(message), message) == words


@given(event_lists())
def test_counts_by_pattern_are_what_looking_at_every_event_finds(events):
    found = Patterns()
    block = block_of(events)
    found.add(block, Mask.everything(len(events)))
    expected: dict[str, list[Event]] = {}
    for event in events:
        expected.setdefault(fingerprint(event.message), []).append(event)
    assert {each.template: each.count for each in found.result()} == {key: len(some) for key, some in expected.items()}
    for each in found.result():
        some = expected[each.template]
        assert (each.first, each.last) == (min(e.timestamp for e in some), max(e.timestamp for e in some))
        assert each.levels == {level: [e.level for e in some].count(level) for level in {e.level for e in some}}
        assert each.sample in {event.message for event in some}
    assert [each.count for each in found.result()] == sorted((each.count for each in found.result()), reverse=True)


def test_beyond_the_patterns_that_are_held_events_are_counted_as_other():
    events = [Event(timestamp=START + at, message=chr(97 + at) * 3) for at in range(5)]
    found = Patterns(most=3)
    for _ in range(2):
        found.add(block_of(events), Mask.everything(5))
    assert (len(found.result()), found.other) == (3, 4)
    assert [each.count for each in found.result()] == [2, 2, 2]


def test_a_sample_is_short():
    found = Patterns()
    found.add(block_of([Event(timestamp=START, message="ü" * 100_000)]), Mask.everything(1))
    assert found.result()[0].sample == "ü" * SAMPLE_LENGTH
