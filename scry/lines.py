"""Cuts a stream of bytes into numbered lines within bounded memory, however long a line is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 200_000
"""Bytes. The server takes events of up to 256 KB; a longer line is reported, not cut."""

UNDECODABLE: Final = re.compile("[\udc80-\udcff]+")
"""What `surrogateescape` makes of bytes that are no UTF-8."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. `offset` is where it begins in the stream; `too_long` lines come without their text."""

    number: int
    offset: int
    data: bytes
    too_long: bool = False


def lines(chunks: Iterable[bytes], *, longest: int = LONGEST) -> Iterator[Line | None]:
    """Every line of a stream; the last one need not end. An empty chunk means that the stream pauses: None."""
    number, offset = 1, 0
    held = bytearray()  # the line so far: never more than `longest` and a chunk
    dropped = 0  # bytes of a line that is already too long
    for chunk in chunks:
        if not chunk:
            yield None
            continue
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            held += piece
            size = dropped + len(held)
            yield _line(number, offset, held, too_long=size > longest)
            number, offset, dropped = number + 1, offset + size + 1, 0
            held = bytearray()
        held += rest
        if dropped + len(held) > longest:
            dropped += len(held)
            held.clear()
    if held or dropped:
        yield _line(number, offset, held, too_long=dropped + len(held) > longest)


def decoded(data: bytes) -> tuple[str, bool]:
    """The text, and whether bytes in it were no UTF-8 and stand as U+FFFD."""
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        return UNDECODABLE.sub("\ufffd", data.decode("utf-8", "surrogateescape")), True


def _line(number: int, offset: int, held: bytearray, *, too_long: bool) -> Line:
    if too_long:
        return Line(number, offset, b"", too_long=True)
    return Line(number, offset, bytes(held).removesuffix(b"\r"))
