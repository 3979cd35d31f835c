"""zstd frames as blocks hold them: level 9, the project's dictionary, no magic number, and never a surprise in size."""

import threading
from typing import Final

from chalicelib.compression import zstd
from chalicelib.events.block.errors import MAX_INFLATED, TooLarge, UnreadableBlock
from chalicelib.events.block.lazy import lazy

ZstdDict = zstd.ZstdDict
ZstdError = zstd.ZstdError

LEVEL: Final = 9


class Compressor:
    """Compresses whole sections with one dictionary, or with none. Keeps one context per thread: it costs 15 us."""

    def __init__(self, dictionary: ZstdDict | None) -> None:
        self._dictionary = dictionary
        self._mine = threading.local()

    def frame(self, data: bytes) -> bytes:
        """One frame; `inflate` is the inverse."""
        _check_size(len(data))
        return self._context().compress(data, zstd.ZstdCompressor.FLUSH_FRAME)[len(_MAGIC) :]

    def frame_of_two(self, first: bytes, second: bytes) -> tuple[bytes, bytes]:
        """One frame cut in two, the first of which inflates without the other; `TwoInOne` is the inverse."""
        size = len(first) + len(second)
        _check_size(size)
        context = self._context()
        context.set_pledged_input_size(size)
        head = context.compress(first, zstd.ZstdCompressor.FLUSH_BLOCK)
        return head[len(_MAGIC) :], context.compress(second, zstd.ZstdCompressor.FLUSH_FRAME)

    def _context(self) -> zstd.ZstdCompressor:
        context: zstd.ZstdCompressor | None = getattr(self._mine, "context", None)
        if context is None:
            digested = self._dictionary.as_digested_dict if self._dictionary else None
            context = self._mine.context = zstd.ZstdCompressor(options=_OPTIONS, zstd_dict=digested)
        return context


def inflate(frame: bytes, dictionary: ZstdDict | None) -> bytes:
    """The section again.

    The size that the frame states is checked before a byte of it is inflated, and holds while it is.

    Raises:
        UnreadableBlock: not one whole frame, one that was changed, or one that states no size or too large a one.
    """
    whole = TwoInOne(frame, b"", dictionary)
    return whole.first + whole.second


class TwoInOne:
    """A frame cut in two, inflated from the front and as far as it is asked for.

    One context for both, because making one takes as long as inflating 10 KB: it asks the processor for its features,
    and a virtual one traps.
    """

    def __init__(self, head: bytes, tail: bytes, dictionary: ZstdDict | None) -> None:
        self._tail = tail
        try:
            self._size = _stated_size(_MAGIC + head)
            self._context = zstd.ZstdDecompressor(zstd_dict=dictionary)
            self.first: Final = self._context.decompress(_MAGIC + head, self._size)
        except (zstd.ZstdError, EOFError) as error:
            raise UnreadableBlock(f"a section does not inflate: {error}") from error

    @lazy
    def second(self) -> bytes:
        context, size = self._context, self._size - len(self.first)
        try:
            inflated = context.decompress(self._tail, size) if not context.eof else b""
            # Where no room is left, the checksum at the end is read by one more call.
            more = b"" if context.eof else context.decompress(b"", 1)
        except (zstd.ZstdError, EOFError) as error:
            raise UnreadableBlock(f"a section does not inflate: {error}") from error
        if len(inflated) != size or more or not context.eof or context.unused_data:
            raise UnreadableBlock("a section has another length than it states")
        return inflated


def trained(samples: list[bytes], size: int) -> bytes:
    """The bytes of a dictionary of at most this size.

    Raises:
        ZstdError: the samples are too few, or have nothing in common.
    """
    return zstd.train_dict(samples, size).dict_content


_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_OPTIONS: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: LEVEL,
    # The header of the block names the dictionary.
    zstd.CompressionParameter.dict_id_flag: 0,
    zstd.CompressionParameter.checksum_flag: 1,
}


def _check_size(size: int) -> None:
    if size > MAX_INFLATED:
        raise TooLarge(size, MAX_INFLATED)


def _stated_size(frame: bytes) -> int:
    size = zstd.get_frame_info(frame).decompressed_size
    if size is None or size > MAX_INFLATED:
        raise UnreadableBlock(f"a section claims to inflate to {size} bytes")
    return size


PLAIN: Final = Compressor(None)
