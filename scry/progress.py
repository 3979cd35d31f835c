"""Says how far a send has come: a line that is redrawn on a terminal, one now and then in a log."""

import time
from collections.abc import Callable
from typing import Final, TextIO

from scry.terminal import harmless, is_terminal

_COLUMNS: Final = 20
_REDRAW: Final = 0.1
_REPEAT: Final = 10.0


class Progress:
    """`at` and `total` are bytes of the file; a `total` of 0 is unknown. Everything goes to `stream`."""

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._is_terminal = is_terminal(stream)
        self._began = self._last = monotonic()
        self._drawn = False

    def restart(self) -> None:
        """Another file begins."""
        self._began = self._last = self._monotonic()

    def update(self, name: str, *, at: int, total: int, events: int) -> None:
        now = self._monotonic()
        if now - self._last < (_REDRAW if self._is_terminal else _REPEAT):
            return
        self._last = now
        line = progress_line(name, at=at, total=total, events=events, seconds=now - self._began)
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{line}")
            self._drawn = True
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Takes the drawn line away."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()


def progress_line(name: str, *, at: int, total: int, events: int, seconds: float) -> str:
    """`app.log  ██████              30 %  12,000 events  4,000/s  0:07 left`"""
    rate = events / seconds if seconds > 0 else 0.0
    parts = [harmless(name)]
    if total:
        share = min(1.0, at / total)
        parts.append(f"{'█' * int(share * _COLUMNS):<{_COLUMNS}} {share:4.0%}")
    parts.append(f"{events:,} events")
    parts.append(f"{rate:,.0f}/s")
    if total and at:
        left = int(seconds * (total - at) / at) if at < total else 0
        parts.append(f"{left // 60}:{left % 60:02} left")
    return "  ".join(parts)
