"""The way out of a compressed body: the coding is told from its first bytes, and its size is bounded before it grows.

Headers are not asked: a gateway may have inflated a body and left its `Content-Encoding`, or have dropped the header.
JSON begins with none of these bytes. A bomb costs at most `INFLATED_LIMIT` bytes of memory, and one that states its
size, as most zstd frames do in their header, costs nothing.
"""

import zlib
from typing import Final

from chalicelib.compression import zstd
from chalicelib.events.decode import BodyTooLarge, BodyUnreadable

RECEIVED_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a body as it travels: Lambda's 6 MB hold no more in base64."""

INFLATED_LIMIT: Final = 32 * 1024 * 1024

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""What HTTP calls `deflate`. Bare deflate has no mark to know it by and is not read."""

WINDOW_LOG: Final = 25
CHUNK: Final = 1024 * 1024
MEMBERS: Final = 100
"""Parts that a body may be joined from. Each costs a copy of what follows it."""


def inflated(body: bytes, limit: int = INFLATED_LIMIT) -> bytes:
    """The body without its coding. Raises `BodyTooLarge` and `BodyUnreadable`."""
    if len(body) > RECEIVED_LIMIT:
        raise BodyTooLarge(RECEIVED_LIMIT, inflated=False)
    if body.startswith(GZIP):
        return _members(body, limit, zlib.MAX_WBITS | 16)
    if body.startswith(ZSTD):
        return _unzstd(body, limit)
    if body.startswith(ZLIB):
        return _members(body, limit, zlib.MAX_WBITS)
    return body


def _members(body: bytes, limit: int, window_bits: int) -> bytes:
    """Every member of a gzip or zlib body, one after the other."""
    whole = bytearray()
    for _ in range(MEMBERS):
        inflater = zlib.decompressobj(window_bits)
        try:
            while not inflater.eof:
                before = len(whole), len(body)
                _grow(whole, inflater.decompress(body, CHUNK), limit)
                body = inflater.unconsumed_tail
                _must_advance(before, (len(whole), len(body)))
        except zlib.error as damaged:
            raise BodyUnreadable(f"The compressed body is damaged: {damaged}.") from damaged
        body = inflater.unused_data.lstrip(b"\0")
        if not body:
            return bytes(whole)
    raise BodyUnreadable(f"The compressed body has more than {MEMBERS} parts.")


def _unzstd(body: bytes, limit: int) -> bytes:
    """Every frame of a zstd body, one after the other."""
    whole = bytearray()
    for _ in range(MEMBERS):
        try:
            _check_declared(body, limit - len(whole), limit)
            inflater = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})
            while not inflater.eof:
                before = len(whole), len(body)
                _grow(whole, inflater.decompress(body, CHUNK), limit)
                body = b""
                _must_advance(before, (len(whole), len(body)))
        except zstd.ZstdError as damaged:
            raise BodyUnreadable(f"The compressed body is damaged: {damaged}.") from damaged
        body = inflater.unused_data
        if not body:
            return bytes(whole)
    raise BodyUnreadable(f"The compressed body has more than {MEMBERS} parts.")


def _check_declared(frame: bytes, left: int, limit: int) -> None:
    declared: int | None = zstd.get_frame_info(frame).decompressed_size
    if declared is not None and declared > left:
        raise BodyTooLarge(limit, inflated=True)


def _grow(whole: bytearray, piece: bytes, limit: int) -> None:
    if len(whole) + len(piece) > limit:
        raise BodyTooLarge(limit, inflated=True)
    whole += piece


def _must_advance(before: tuple[int, int], after: tuple[int, int]) -> None:
    """An inflater that neither gives nor takes any more has not been sent the end."""
    if before == after:
        raise BodyUnreadable("The compressed body ends too early.")
