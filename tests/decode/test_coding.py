"""Compressed bodies: told by their first bytes, bounded before they grow."""

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.compression import zstd
from chalicelib.events.decode import BodyTooLarge, BodyUnreadable
from chalicelib.events.decode.coding import INFLATED_LIMIT, MEMBERS, RECEIVED_LIMIT, inflated

BODY = b'{"events":[{"message":"one"}]}' * 300
CODINGS = [gzip.compress, zlib.compress, zstd.compress]


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("compress", CODINGS)
def test_a_body_in_any_coding_is_inflated(compress: Callable[[bytes], bytes]) -> None:
    assert inflated(compress(BODY)) == BODY


@pytest.mark.requirement("W2")
def test_a_body_that_a_gateway_inflated_already_is_left_alone() -> None:
    assert inflated(BODY) == BODY


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_parts_that_were_joined_are_inflated_one_after_the_other(compress: Callable[[bytes], bytes]) -> None:
    assert inflated(compress(b"one ") + compress(b"two ") + compress(b"three")) == b"one two three"


@pytest.mark.parametrize("compress", CODINGS)
@pytest.mark.parametrize("kept", [5, 12, -1])
def test_a_body_that_ends_too_early_is_named_so(compress: Callable[[bytes], bytes], kept: int) -> None:
    with pytest.raises(BodyUnreadable):
        inflated(compress(BODY)[:kept])


@pytest.mark.requirement("I9")
@given(st.sampled_from(CODINGS), st.data())
def test_a_damaged_body_is_refused_or_inflated_and_nothing_else(
    compress: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    body = bytearray(compress(BODY))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BodyUnreadable, BodyTooLarge):
        assert len(inflated(bytes(body))) <= INFLATED_LIMIT


@pytest.mark.requirement("V5.2.1")
def test_a_body_of_more_bytes_than_travel_is_refused() -> None:
    with pytest.raises(BodyTooLarge) as refused:
        inflated(b" " * (RECEIVED_LIMIT + 1))
    assert (refused.value.limit, refused.value.inflated) == (RECEIVED_LIMIT, False)


@pytest.mark.requirement("I9", "V5.2.3")
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, lambda zeros: _without_size(zeros)])
def test_a_bomb_costs_no_more_memory_than_the_limit(compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge) as refused:
            inflated(bomb, limit=1024 * 1024)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert refused.value.inflated


@pytest.mark.requirement("I9", "V5.2.3")
def test_a_bomb_that_states_its_size_is_refused_before_it_is_inflated() -> None:
    bomb = zstd.compress(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            inflated(bomb)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.requirement("I9")
def test_a_body_of_very_many_empty_parts_is_refused() -> None:
    with pytest.raises(BodyUnreadable):
        inflated(gzip.compress(b"") * (MEMBERS + 1))


def _without_size(content: bytes) -> bytes:
    compressor = zstd.ZstdCompressor()
    return compressor.compress(content) + compressor.flush()
