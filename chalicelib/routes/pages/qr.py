"""QR codes, made here: the secret of a second factor is shown to nobody else to be drawn."""

from typing import Final

from chalicelib.routes.pages.views.people import QrCode

QUIET: Final = 4
"""Light squares around the code, as ISO/IEC 18004 wants them."""


def qr_code(text: str) -> QrCode:
    """The text as a path of horizontal bars. Raises `segno.DataOverflowError` for more than a code can hold."""
    import segno

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    bars = [f"M{x + QUIET} {y + QUIET}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _bars(row)]
    return QrCode("".join(bars), len(rows) + 2 * QUIET)


def _bars(row: bytes) -> list[tuple[int, int]]:
    """Where dark squares begin, and how many follow."""
    found, x = [], 0
    for run in row.replace(b"\0", b" ").split(b" "):
        if run:
            found.append((x, len(run)))
        x += len(run) + 1
    return found
