"""Opens what is to be sent, tells its format by its beginning, and reads it into items.

A file may be compressed with gzip. Standard input is read as it comes: after a second without news it says so, and
what is held back is sent.
"""

import gzip
import json
import os
import re
import select
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Literal

from scry.documents import documents
from scry.errors import Unreadable
from scry.items import Item
from scry.lines import lines
from scry.text import events, objects
from scry.times import Clock

Format = Literal["auto", "ndjson", "json", "text"]

STDIN: Final = "-"
CHUNK: Final = 256 * 1024
PAUSE: Final = 1.0
"""Seconds without input after which a live stream is taken to rest."""

_GZIP: Final = b"\x1f\x8b"
_WIDE: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_DOCUMENT: Final = re.compile(rb'\s*(?:\[\s*(?:\{|\]|$)|\{\s*"(?:events|device_id)"\s*:)')


@dataclass(frozen=True, slots=True)
class Source:
    """A stream of bytes to send. `identity` goes into its idempotency keys; `size` is 0 where nobody knows it."""

    name: str
    identity: str
    size: int
    changed_at: datetime
    chunks: Iterable[bytes]
    position: Callable[[], int]
    """Bytes read of `size`: of the compressed ones, if the file is."""

    def items(self, wanted: Format, zone: tzinfo | None) -> Iterator[Item]:
        """Everything in it. Raises `Unreadable` if it is no log."""
        clock = Clock(self.changed_at, zone)
        chunks = iter(self.chunks)
        first = next((chunk for chunk in chunks if chunk), b"").removeprefix(_UTF8_MARK)
        kind = detected(first) if wanted == "auto" else wanted
        if kind == "binary":
            raise Unreadable(f"{self.name} looks like a binary file; --format text sends it as text all the same")
        if encoding := _WIDE.get(first[:2]):
            raise Unreadable(f"{self.name} is {encoding}: convert it first (iconv -f {encoding} -t UTF-8)")
        whole = chain([first], chunks) if first else iter(())
        match kind:
            case "json":
                return documents(whole, clock)
            case "ndjson":
                return objects(lines(whole), clock)
            case _:
                return events(lines(whole), clock, with_json=wanted == "auto")


def detected(first: bytes) -> Literal["json", "text", "binary"]:
    """What a file is, by its first bytes. NDJSON is read as text that has JSON among it."""
    if b"\0" in first and first[:2] not in _WIDE:
        return "binary"
    if _DOCUMENT.match(first):
        return "json"
    line, newline, _ = first.lstrip().partition(b"\n")
    if line.startswith(b"{") and not _is_json(line) and (newline or b"}" not in line) and _opens_object(first):
        return "json"
    return "text"


@contextmanager
def open_source(name: str, *, standard_input: BinaryIO, now: datetime) -> Iterator[Source]:
    """The source of that path, or standard input for `-`. Raises `Unreadable` if there is none."""
    if name == STDIN:
        yield Source("-", "", 0, now, _live(standard_input), lambda: 0)
        return
    path = Path(name)
    with ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            status = os.fstat(file.fileno())
            head = file.peek(2)[:2]
        except OSError as error:
            raise Unreadable(f"{name}: {error.strerror}") from error
        reader = opened.enter_context(gzip.GzipFile(fileobj=file)) if head == _GZIP else file
        regular = stat.S_ISREG(status.st_mode)
        yield Source(
            name=name,
            identity=str(path.resolve()) if regular else "",
            size=status.st_size if regular else 0,
            changed_at=datetime.fromtimestamp(status.st_mtime, UTC) if regular else now,
            chunks=_chunks(reader, name),
            position=file.tell if regular else lambda: 0,
        )


def _chunks(reader: gzip.GzipFile | BufferedReader, name: str) -> Iterator[bytes]:
    try:
        while chunk := reader.read(CHUNK):
            yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"{name}: {error}") from error


def _live(stream: BinaryIO) -> Iterator[bytes]:
    descriptor = stream.fileno()
    while True:
        ready, _, _ = select.select([descriptor], [], [], PAUSE)
        if not ready:
            yield b""
        elif chunk := os.read(descriptor, CHUNK):
            yield chunk
        else:
            return


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _opens_object(first: bytes) -> bool:
    """Whether an object written over several lines begins here."""
    return re.match(rb'\s*\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\})', first) is not None
