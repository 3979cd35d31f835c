"""Following what arrives: each poll gives what no poll before it gave.

A block is new if its short name is not among those seen. The cursor keeps the names of the blocks of the last minute, so
what arrives more than a minute after its own timestamp is not shown live (a search finds it). A poll gives so many
events at most; the rest waits for the next one, a block cut in the middle too, until it is a minute old. Then it is
passed over, and counted.

    floor                          now - 1 min                            now
      | seen  seen  passed over, counted | seen  cut at row 120  waiting   |
                                         '- floor of the next cursor
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from chalicelib.events.query.answers import Tail, records
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.cursor import TailCursor, seal, unseal
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.append import AHEAD_MS
from chalicelib.events.store.read import Stored, candidates, fetch_details
from chalicelib.events.store.split import SPAN_MS

REMEMBERED_MS: Final = 60_000
AWAY_MS: Final = 600_000
"""A follower that was away for longer starts afresh."""

NAME_BYTES: Final = 6
NAMES_LIMIT: Final = 400
"""What fits into a URL. With more blocks a minute than this, less than a minute is remembered."""


def tail(
    scope: Scope, expression: Expression, *, cursor: str | None, limit: int, now_ms: int, deadline: float
) -> Tail:
    """What is new since the cursor, oldest first, at most `limit` events. Without a cursor: a cursor, and no events.

    `gap` says that the follower was away for too long to count what it missed. Raises `CursorRefused`.
    """
    question = f"tail {describe(expression)}"
    floor = now_ms - REMEMBERED_MS
    if cursor is None:
        seen = {_name(stored) for stored in _blocks_since(scope, floor, now_ms=now_ms, deadline=deadline)}
        known = TailCursor(floor, tuple(seen), ())
    else:
        known = unseal(scope, question, cursor, TailCursor)
    begin = max(known.floor, now_ms - AWAY_MS)
    blocks = _blocks_since(scope, begin, now_ms=now_ms, deadline=deadline)
    poll = _Poll(Filter(expression), known, limit, deadline=deadline)
    poll.floor = max(floor, _floor_for_names(blocks), begin)
    for stored in blocks:
        poll.look_at(stored)
    fetch_details([stored for stored, _ in poll.given], deadline=deadline)
    return Tail(
        records(poll.given),
        seal(scope, question, TailCursor(poll.floor, tuple(poll.seen), tuple(poll.cut.items()))),
        poll.skipped,
        gap=begin > known.floor,
    )


class _Poll:
    """What one poll gives, and what the next one has to know."""

    def __init__(self, wanted: Filter, known: TailCursor, limit: int, *, deadline: float) -> None:
        self.floor = known.floor
        self.given: list[tuple[Stored, int]] = []
        self.skipped = 0
        self.seen: list[bytes] = []
        self.cut: dict[bytes, int] = {}
        self._wanted = wanted
        self._known_seen = frozenset(known.seen)
        self._known_cut = dict(known.cut)
        self._limit = limit
        self._deadline = deadline

    def look_at(self, stored: Stored) -> None:
        """Gives a block's new rows as far as the limit reaches; blocks come oldest first."""
        name = _name(stored)
        remembered = stored.block.header.last >= self.floor
        if name in self._known_seen:
            self._remember(name, remembered)
            return
        start = self._known_cut.get(name, 0)
        room = self._limit - len(self.given)
        if room <= 0 and remembered:
            if start:
                self.cut[name] = start
            return
        rows = list(self._matching(stored).rows(start))
        self.given += [(stored, row) for row in rows[:room]]
        if len(rows) <= room:
            self._remember(name, remembered)
        elif remembered:
            self.cut[name] = rows[room]
        else:
            self.skipped += len(rows) - room

    def _remember(self, name: bytes, remembered: bool) -> None:
        if remembered:
            self.seen.append(name)

    def _matching(self, stored: Stored) -> Mask:
        block = stored.block
        if not self._wanted.admits(block.header):
            return Mask(0, block.header.count)
        narrowed = self._wanted.narrow(block)
        if narrowed and self._wanted.needs_detail:
            stored.fetch_detail(deadline=self._deadline)
        return self._wanted.mask(block, narrowed)


def _blocks_since(scope: Scope, floor: int, *, now_ms: int, deadline: float) -> list[Stored]:
    """The blocks whose last timestamp is not older than the floor, oldest first."""
    budget = Budget(deadline=deadline)
    within = TimeRange(floor, now_ms + AHEAD_MS + SPAN_MS)
    blocks: list[Stored] = []
    for candidate in candidates(scope, within, "asc", deadline=deadline):
        budget.read(events=candidate.stored.block.header.count, size=candidate.stored.size)
        if not candidate.stored.merged:
            blocks.append(candidate.stored)
        if budget.spent:
            break
    return blocks


def _floor_for_names(blocks: Sequence[Stored]) -> int:
    """The floor above which no more names are to be kept than a cursor holds."""
    if len(blocks) <= NAMES_LIMIT:
        return 0
    return blocks[-NAMES_LIMIT - 1].block.header.last + 1


def _name(stored: Stored) -> bytes:
    return sha256(stored.sort).digest()[:NAME_BYTES]
