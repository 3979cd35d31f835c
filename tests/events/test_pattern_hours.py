"""What is stored of an hour's patterns: read back as it was written, small whatever was sent, the same everywhere."""

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events import pattern_counting
from chalicelib.events.event import LEVELS, Event
from chalicelib.events.pattern_counting import as_template, found_in, hour_counter
from chalicelib.events.patterns import fingerprint, pattern_id, phrase
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.patterns import Patterns
from chalicelib.events.store import pattern_templates
from chalicelib.events.store.pattern_hours import (
    PATTERNS_LIMIT,
    SERVICES_LIMIT,
    SERVICES_OF_A_PATTERN,
    HourPatterns,
    Occurred,
    bounded,
    joined,
    packed,
    unpacked,
)
from chalicelib.events.store.pattern_templates import Template, learn, templates_of
from chalicelib.ids import HOUR_MS, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from tests.conftest import NOW_MS, new_scope
from tests.engine.project import soon
from tests.query.blocks import block_of

SLOT = slot_of(NOW_MS)
START = SLOT * HOUR_MS
LARGEST = 300_000


def services() -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.text(max_size=4), st.integers(1, 2**40), max_size=12)


@st.composite
def hours(draw: st.DrawFn) -> HourPatterns:
    levels = st.dictionaries(st.sampled_from(LEVELS), st.integers(1, 2**40), min_size=1)
    occurred = st.builds(Occurred, st.integers(START, START + HOUR_MS - 1), levels, services())
    return HourPatterns(
        draw(st.dictionaries(st.binary(min_size=8, max_size=8), occurred, max_size=8)),
        draw(st.dictionaries(st.sampled_from(LEVELS), st.integers(1, 100))),
        draw(services()),
    )


@given(hours())
def test_an_hour_is_read_back_as_it_was_written(hour):
    kept = bounded(hour)
    assert unpacked(packed(kept, SLOT), SLOT) == kept
    assert bounded(kept) == kept
    assert sum(kept.services.values()) == sum(hour.services.values())
    for name, occurred in kept.patterns.items():
        assert (occurred.last, occurred.levels) == (hour.patterns[name].last, hour.patterns[name].levels)
        assert all(hour.patterns[name].services[service] == count for service, count in occurred.services.items())


@given(hours(), hours())
def test_two_stretches_of_an_hour_add_up(one, another):
    both = joined(one, another)
    assert joined(another, one) == both
    for name, occurred in both.patterns.items():
        sides = [side.patterns[name] for side in (one, another) if name in side.patterns]
        assert occurred.count == sum(each.count for each in sides)
        assert occurred.last == max(each.last for each in sides)


def noise(count: int, *, characters: int = 400) -> list[Event]:
    """Messages of which no two are alike, and that nothing compresses; each from a service of its own."""
    chance = Random(7)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [
        Event(
            timestamp=START + at, message="".join(chance.choices(letters, k=characters)),
            service="".join(chance.choices(letters, k=150)), level=chance.choice(LEVELS),
        )
        for at in range(count)
    ]  # fmt: skip


@pytest.fixture
def counted() -> Patterns:
    counter = hour_counter()
    events = noise(5_000)
    for first in range(0, 5_000, 250):
        counter.add(block_of(events[first : first + 250]), Mask.everything(250))
    for _ in range(3):  # some are more frequent
        counter.add(block_of(events[:50]), Mask.everything(50))
    return counter


@pytest.mark.requirement("I9")
def test_an_hour_of_noise_stays_small_and_says_what_it_leaves_out(counted, engine_store):
    scope = new_scope()
    hour, texts = found_in(counted)
    assert len(hour.patterns) == PATTERNS_LIMIT
    assert sum(hour.other.values()) == 5_000 - PATTERNS_LIMIT
    assert sum(each.count for each in hour.patterns.values()) == PATTERNS_LIMIT + 150
    assert {each.count for each in list(hour.patterns.values())[:50]} == {4}
    assert len(hour.services) == SERVICES_LIMIT + 1
    assert sum(hour.services.values()) == 5_150
    assert len(packed(hour, SLOT)) < LARGEST
    learn(scope, texts, deadline=soon())
    sizes = [len(row["b"].binary) for row in _rows(scope)]
    assert len(sizes) == 16
    assert max(sizes) < LARGEST
    known = templates_of(scope, now_ms=NOW_MS, deadline=soon())
    assert known.keys() == hour.patterns.keys()


@pytest.mark.requirement("I9")
def test_an_hour_whose_every_pattern_comes_from_many_services_stays_small():
    chance = Random(3)
    names = [f"service-{at:03}-{'x' * 180}" for at in range(400)]
    patterns = {
        chance.randbytes(8): Occurred(
            START + chance.randrange(HOUR_MS), {level: chance.randrange(1, 10**6) for level in LEVELS},
            {name: chance.randrange(1, 10**6) for name in chance.sample(names, 40)},
        )
        for _ in range(20_000)
    }  # fmt: skip
    kept = bounded(HourPatterns(patterns, {}, {name: chance.randrange(1, 10**9) for name in names}))
    assert len(packed(kept, SLOT)) < LARGEST
    assert max(len(each.services) for each in kept.patterns.values()) <= SERVICES_OF_A_PATTERN


@pytest.mark.requirement("I9")
def test_where_texts_have_no_room_what_was_not_seen_for_longest_goes(engine_store, monkeypatch):
    monkeypatch.setattr(pattern_templates, "BYTES_LIMIT", 1_000)
    scope = new_scope()
    for age in range(40):
        text = f"word {chr(97 + age % 26) * (1 + age // 26)}"
        one = Template(text, text, START - age, START - age)
        learn(scope, {bytes(7) + bytes((age,)): one}, deadline=soon())
    kept = sorted(each.last for each in templates_of(scope, now_ms=NOW_MS, deadline=soon()).values())
    assert kept == list(range(START - len(kept) + 1, START + 1))
    assert 5 < len(kept) < 40


def test_learning_again_writes_nothing_until_half_a_day_has_passed(engine_store, monkeypatch):
    scope = new_scope()
    text = Template("steady", "steady 1", START, START)
    learn(scope, {b"12345678": text}, deadline=soon())
    [row] = _rows(scope)
    learn(scope, {b"12345678": Template("steady", "steady 2", START + 1, START + HOUR_MS)}, deadline=soon())
    assert _rows(scope) == [row]
    later = Template("steady", "steady 3", START + 13 * HOUR_MS, START + 13 * HOUR_MS)
    learn(scope, {b"12345678": later}, deadline=soon())
    learn(scope, {b"12345678": text}, deadline=soon())
    known = templates_of(scope, now_ms=NOW_MS, deadline=soon())[b"12345678"]
    assert known == Template("steady", "steady 3", START, START + 13 * HOUR_MS)


@pytest.mark.requirement("I9")
def test_only_so_many_messages_of_an_hour_are_looked_into(monkeypatch):
    monkeypatch.setattr(pattern_counting, "WORKED_OUT", 3)
    counter = hour_counter()
    events = [Event(timestamp=START + at, message=f"{'abcdef'[at % 6]} {at % 10}", level="warn") for at in range(60)]
    counter.add(block_of(events), Mask.everything(60))
    assert [each.count for each in counter.result()] == [10, 10, 10]
    assert (counter.other, counter.other_levels) == (30, {"warn": 30})


@given(st.text(max_size=300), st.text("0123456789", min_size=300, max_size=300))
def test_messages_that_differ_only_in_digits_have_one_pattern(message, digits):
    other = "".join(digits[at] if char in "0123456789" else char for at, char in enumerate(message))
    assert fingerprint(message) == fingerprint(other)


@pytest.mark.parametrize(
    ("template", "sample", "found"),
    [("user <n> logged in", "user 7 logged in", "logged in"), ("<n> of <n>", "1 of 2", ""),
     ("user <n> logged in", "", ""), ("take it", "take it", "take it")],
)  # fmt: skip
def test_a_phrase_is_one_that_the_sample_has(template, sample, found):
    assert phrase(template, sample) == found


def test_ids_are_the_same_in_every_process():
    message = "user 4711 paid 12.50 after 230ms from 10.0.0.7"
    program = f"from chalicelib.events.patterns import *; print(pattern_id(fingerprint({message!r})).hex())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == pattern_id(fingerprint(message)).hex() == "ab33d425a27a1ac3"


def test_a_sample_is_the_newest_message(monkeypatch):
    counter = hour_counter()
    for order in ((3, 4), (1, 2)):
        some = [Event(timestamp=START + at, message=f"try {at}") for at in order]
        counter.add(block_of(some), Mask.everything(2))
    [one] = counter.result()
    assert as_template(one) == Template("try <n>", "try 4", START + 1, START + 4)


def _rows(scope: object) -> list[dict[str, dynamodb.Value]]:
    from chalicelib.storage.items import items

    partition = keys.index_partition(scope.org, scope.project)  # type: ignore[attr-defined]
    return items(keys.EVENTS, partition, keys.PATTERN_TEMPLATES, deadline=soon())
