"""Following what arrives: each poll gives what no poll before it gave.

A block is new if its short name is not among those seen. The cursor keeps the names of the blocks of the last minute,
so what arrives more than a minute after its own timestamp is not shown live (a search finds it). A poll gives so many
events at most; the rest waits for the next one, a block cut in the middle too, until it is a minute old. Then it is
passed over, and counted.

    floor                          now - 1 min                            now
      | seen  seen  passed over, counted | seen  cut at row 120  waiting   |
                                         '- floor of the next cursor

Merged blocks are left out: what is merged is a quarter of an hour old, and a follower who was away for longer than ten
minutes starts afresh.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from chalicelib.events.query.answers import ANSWER_BYTES, Tail, records_that_fit
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.cursor import TailCursor, seal, unseal
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.plan import narrowed
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.append import AHEAD_MS
from chalicelib.events.store.read import candidates
from chalicelib.events.store.split import SPAN_MS
from chalicelib.events.store.stored import Stored
from chalicelib.storage.errors import StoreUnavailable

REMEMBERED_MS: Final = 60_000
AWAY_MS: Final = 600_000

NAME_BYTES: Final = 6
NAMES_LIMIT: Final = 400
"""What fits into a URL. With more blocks a minute than this, less than a minute is remembered."""


def tail(scope: Scope, expression: Expression, *, cursor: str | None, limit: int, now_ms: int, deadline: float) -> Tail:
    """What is new since the cursor, oldest first, at most `limit` events. Without a cursor: a cursor, and no events.

    `gap` says that events may have been passed over without being counted: the follower was away for too long, or so
    many blocks came that it cannot remember any of them. Raises `CursorRefused` and `StoreUnavailable`.
    """
    question = f"tail {describe(expression)}"
    known = None if cursor is None else unseal(scope, question, cursor, TailCursor)
    begin = now_ms - REMEMBERED_MS if known is None else max(known.floor, now_ms - AWAY_MS)
    budget = Budget(deadline=deadline)
    blocks = _blocks_since(scope, begin, now_ms=now_ms, budget=budget)
    floor = max(begin, now_ms - REMEMBERED_MS, _floor_for_names(blocks))
    poll = _Poll(Filter(expression), known, limit, floor, deadline=deadline)
    for stored in blocks:
        poll.look_at(stored)
    fitting = records_that_fit(poll.given, ANSWER_BYTES, budget)
    poll.give_back(fitting.rows)
    return Tail(
        sorted(fitting.records, key=lambda each: each.timestamp),
        seal(scope, question, poll.cursor()),
        poll.skipped,
        gap=known is not None and (begin > known.floor or floor > now_ms),
    )


class _Poll:
    """What one poll gives, and what the next one has to know. The first, which knows nothing, gives nothing."""

    def __init__(self, wanted: Filter, known: TailCursor | None, limit: int, floor: int, *, deadline: float) -> None:
        self.given: list[tuple[Stored, int]] = []
        self.skipped = 0
        self._wanted = wanted
        self._known_seen = frozenset(known.seen) if known else None
        self._known_cut = dict(known.cut) if known else {}
        self._limit = limit
        self._floor = floor
        self._deadline = deadline
        self._seen: set[bytes] = set()
        self._cut: dict[bytes, int] = {}

    def look_at(self, stored: Stored) -> None:
        """Gives a block's new rows as far as the limit reaches; blocks come oldest first."""
        name = _name(stored)
        remembered = self._is_remembered(stored)
        if self._known_seen is None or name in self._known_seen:
            if remembered:
                self._seen.add(name)
            return
        start = self._known_cut.get(name, 0)
        room = self._limit - len(self.given)
        if room <= 0 and remembered:
            if start:
                self._cut[name] = start
            return
        rows = list(self._matching(stored).rows(start))
        self.given += [(stored, row) for row in rows[:room]]
        if not remembered:
            self.skipped += len(rows[room:])
        elif len(rows) > room:
            self._cut[name] = rows[room]
        else:
            self._seen.add(name)

    def give_back(self, kept: int) -> None:
        """Leaves all but the first so many of the given rows for the next poll, as if they had been over the limit."""
        for stored, row in reversed(self.given[kept:]):
            name = _name(stored)
            self._seen.discard(name)
            if self._is_remembered(stored):
                self._cut[name] = row
            else:
                self.skipped += 1
        del self.given[kept:]

    def cursor(self) -> TailCursor:
        return TailCursor(self._floor, tuple(self._seen), tuple(self._cut.items()))

    def _is_remembered(self, stored: Stored) -> bool:
        return stored.block.header.last >= self._floor

    def _matching(self, stored: Stored) -> Mask:
        rows = narrowed(self._wanted, stored.block)
        if rows and self._wanted.needs_detail:
            stored.fetch_detail(deadline=self._deadline)
            if stored.gone:
                return Mask(0, stored.block.header.count)
        return self._wanted.mask(stored.block, rows)


def _blocks_since(scope: Scope, floor: int, *, now_ms: int, budget: Budget) -> Sequence[Stored]:
    """The blocks whose last timestamp is not older than the floor, oldest first: all of them, or none could be told."""
    within = TimeRange(floor, now_ms + AHEAD_MS + SPAN_MS)
    blocks: list[Stored] = []
    for candidate in candidates(scope, within, "asc", deadline=budget.deadline):
        stored = candidate.stored
        budget.read(events=stored.block.header.count, size=stored.size)
        if budget.spent:
            message = "more came since the last poll than one request can read: begin again without a cursor"
            raise StoreUnavailable(message)
        if not stored.merged:
            blocks.append(stored)
    return blocks


def _floor_for_names(blocks: Sequence[Stored]) -> int:
    """The floor above which no more names are to be kept than a cursor holds."""
    if len(blocks) <= NAMES_LIMIT:
        return 0
    return blocks[-NAMES_LIMIT - 1].block.header.last + 1


def _name(stored: Stored) -> bytes:
    return sha256(stored.sort).digest()[:NAME_BYTES]
