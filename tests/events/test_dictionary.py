"""A dictionary outlives the events it learnt from, so nothing of anybody's may be in it."""

import random
import re
from collections import Counter

import msgspec
import pytest

from benchmarks.corpus import events as corpus
from chalicelib.events.block import Dictionary, UnreadableBlock, open_block, pack
from chalicelib.events.block.masking import kept_words, masked
from chalicelib.events.block.training import TooFewSamples, train
from chalicelib.events.event import Event
from tests.events.test_block import from_corpus

NAMES = ("Aurelia", "Bartholomew", "Clementine", "Dagobert", "Ermengarde", "Ferdinand")


def with_canaries(count: int) -> list[Event]:
    """The corpus, with things in it that are somebody's: some rare, some in every other event."""
    chance = random.Random(4)
    out = []
    for at, event in enumerate(corpus(count, seed=21)):
        metadata = event["metadata"]
        name = NAMES[at % len(NAMES)]
        metadata["email"] = f"{name.lower()}.quxley@mailhost.example"
        metadata["customer"] = {"first": name, "plan": "goldplated"}
        metadata["note"] = f'said "verbatimquote {name}" and `backtickquote`'
        metadata["rare"] = "".join(chance.choices("ghijklmnopqrstuvwxyz", k=9))
        event["message"] += f" by somebody@mailhost.example from fe80::dead:beef:cafe:f00d with 'singlequote' {name}"
        event["device_id"] = f"phone{name}"
        out.append(msgspec.convert(event, Event))
    return out


@pytest.mark.requirement("S38")
def test_nothing_of_anybodys_is_in_the_dictionary() -> None:
    sample = with_canaries(2000)
    data = train(sample, 1, chance=random.Random(1)).data
    texts = [text for event in sample for text in (event.trace_id, event.span_id, event.user_id, event.session_id)]
    texts += [event.metadata[key] for event in sample for key in ("request_id", "pod", "email", "rare")]
    texts += [event.metadata["order_id"] for event in sample if "order_id" in event.metadata]
    texts += [event.metadata["client_ip"] for event in sample if "client_ip" in event.metadata]
    texts += [*NAMES, *map(str.lower, NAMES)]
    texts += ["verbatimquote", "backtickquote", "singlequote", "quxley", "dead:beef", "somebody@"]
    kept = [text for text in set(texts) if text and text.encode() in data]
    assert kept == []
    raw = [bytes.fromhex(text) for event in sample for text in (event.trace_id, event.span_id)]
    assert [text for text in raw if text in data] == []


def test_no_word_that_few_events_share_is_in_the_dictionary() -> None:
    sample = from_corpus(2000, seed=22)
    events_with: Counter[str] = Counter()
    for event in sample:
        events_with.update(set(re.findall(r"[A-Za-z]{5,}", msgspec.json.encode(event).decode())))
    rare = [word for word, count in events_with.items() if count < 20]
    assert len(rare) > 20
    data = train(sample, 1, chance=random.Random(1)).data.decode("latin-1")
    learnt = set(re.findall(r"[A-Za-z]{5,}", data))
    assert [word for word in rare if word in learnt] == []


def test_what_all_events_share_is_in_the_dictionary() -> None:
    data = train(from_corpus(2000, seed=22), 1, chance=random.Random(1)).data
    for shared in (b"request_id", b"duration_ms", b"gateway", b"page view"):
        assert shared in data


def test_filler_has_the_shape_of_what_it_stands_for() -> None:
    event = Event(
        timestamp=1,
        message="order 4711 of Ünïcödé took 12.5 ms",
        trace_id="00ff00ff00ff00ff00ff00ff00ff00ff",
        user_id="Alice-77",
        metadata={"n": 200, "f": 2.75, "ok": True, "none": None, "list": ["10.1.2.3", {"deep": -5}]},
    )
    (other,) = masked([event], frozenset({"order", "took", "ms"}), random.Random(2))
    assert re.fullmatch(r"order \d{4} [a-z]{2} \w{7} took \d\d\.\d ms", other.message)
    assert re.fullmatch(r"[0-9a-f]{32}", other.trace_id)
    assert other.trace_id != event.trace_id
    assert re.fullmatch(r"[A-Z][a-z]{4}-\d\d", other.user_id)
    values = list(other.metadata.values())
    assert 100 <= values[0] <= 999
    assert re.fullmatch(r"\d\.\d\d", repr(values[1]))
    assert values[2:4] == [True, None]
    assert re.fullmatch(r"\d\d\.\d\.\d\.\d", values[4][0])
    assert -9 <= next(iter(values[4][1].values())) < 0


def test_what_repeats_in_a_block_repeats_masked_and_never_between_blocks() -> None:
    batch = [Event(timestamp=at, user_id="user-12345", metadata={"release": "v12.34.567"}) for at in range(3)]
    chance = random.Random(3)
    first, second = masked(batch, frozenset(), chance), masked(batch, frozenset(), chance)
    assert len({event.user_id for event in first}) == 1
    assert first[0].user_id != second[0].user_id
    assert first[0].metadata != second[0].metadata


def test_a_word_is_kept_when_one_event_in_a_hundred_holds_it() -> None:
    def sample(holding: int) -> list[Event]:
        return [Event(timestamp=at, message="checkout" if at < holding else "other") for at in range(2000)]

    assert "checkout" in kept_words(sample(20))
    assert "checkout" not in kept_words(sample(19))


def test_words_that_name_somebody_are_kept_nowhere() -> None:
    sample = [Event(timestamp=at, user_id="alice", message="hello alice") for at in range(100)]
    assert kept_words(sample) >= {"hello"}
    assert "alice" not in kept_words(sample)


def test_equal_samples_and_chance_give_equal_dictionaries() -> None:
    sample = from_corpus(600)
    first, second = (train(sample, 3, chance=random.Random(9)) for _ in range(2))
    assert first.data == second.data
    assert first.version == second.version == 3
    assert train(sample, 3, chance=random.Random(10)).data != first.data


def test_hostile_samples_can_be_learnt_from() -> None:
    odd = {
        "": None,
        "a": [[], {}, "\u202e" * 99],
        "n": 10**30,
        "f": 1e308,
        "deep": {"b": {"c": '"' * 50}},
        "@": "a@" * 500,
    }
    sample = [Event(timestamp=at % 7, message="'\"`@:" * 40 + "\0💥", metadata=odd) for at in range(500)]
    assert train([*sample, *from_corpus(200)], 1, chance=random.Random(1)).data


def test_nothing_is_learnt_from_nothing() -> None:
    for sample in ([], from_corpus(3)):
        with pytest.raises(TooFewSamples):
            train(sample, 1, chance=random.Random(1))


def test_a_block_is_read_with_the_version_that_wrote_it() -> None:
    versions = {
        version: train(from_corpus(600, seed=version), version, chance=random.Random(version)) for version in (1, 2)
    }
    asked = []

    def known(version: int) -> Dictionary:
        asked.append(version)
        return versions[version]

    for count in (10, 60, 500):
        batch = from_corpus(count, seed=5)
        for version, dictionary in versions.items():
            packed = pack(batch, received_at=0, dictionary=dictionary)
            block = open_block(packed.scan, known)
            assert asked == []
            if packed.detail is not None:
                block.attach(packed.detail)
            assert block.events(range(count)) == batch
            assert asked == [version]
            asked.clear()
            wrong = open_block(packed.scan, lambda _, version=version: versions[3 - version])
            with pytest.raises(UnreadableBlock):
                _ = wrong.messages


def test_a_dictionary_makes_small_blocks_smaller() -> None:
    dictionary = train(from_corpus(1000, seed=8), 1, chance=random.Random(1))
    for count, share in ((1, 0.8), (10, 0.7), (100, 0.95), (500, 1.0)):
        batch = from_corpus(count, seed=9)
        with_it, without = (pack(batch, received_at=0, dictionary=each) for each in (dictionary, None))
        assert len(with_it.scan + (with_it.detail or b"")) < share * len(without.scan + (without.detail or b""))


def test_bytes_that_are_no_dictionary_are_refused() -> None:
    with pytest.raises(UnreadableBlock):
        Dictionary(1, b"no dictionary at all")
    with pytest.raises(ValueError, match="from 1"):
        Dictionary(0, b"")
