"""`scry send`: log files and standard input, delivered and accounted for line by line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from scry.batches import Batch, batches
from scry.delivery import Delivery, Outcome
from scry.items import Found, Item, Unsendable
from scry.progress import Progress
from scry.sources import Format, Source
from scry.terminal import harmless

SHOWN: Final = 20
"""Rejected lines that are named; the rest is counted, unless `--all-rejected`."""


TOO_OLD: Final = "too_old"
"""Why the server rejects what is older than the project keeps."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How events are to be read and completed."""

    format: Format = "auto"
    zone: tzinfo | None = None
    service: str = ""
    environment: str = ""
    without_times: bool = False
    rejected_shown: int | None = SHOWN
    """None for all of them."""


@dataclass(slots=True)
class Tally:
    """What became of everything so far."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    replaced: int = 0
    """Events with bytes that were no UTF-8."""
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.accepted += outcome.accepted
        self.duplicates += outcome.duplicates

    def sentence(self) -> str:
        text = f"{self.accepted:,} accepted, {self.duplicates:,} duplicates, {self.rejected:,} rejected"
        if self.replaced:
            text += f"; bytes that are no UTF-8 were replaced in {self.replaced:,} {_plural('event', self.replaced)}"
        return text

    def as_json(self) -> dict[str, int]:
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "replaced": self.replaced,
        }


class Sending:
    """Sends sources one after the other; `tally` is true at any moment, also after an exception."""

    def __init__(self, delivery: Delivery, wanted: Wanted, *, progress: Progress, nonce: str) -> None:
        self._delivery, self._wanted = delivery, wanted
        self._progress, self._nonce = progress, nonce
        self.tally = Tally()
        self.reached = ""
        """`file:line` of the first event that is not accounted for."""

    def send(self, source: Source) -> None:
        """Raises what delivering raises, and `Unreadable` where the file turns out to be."""
        self._progress.restart()
        begun_with = self._sent
        self.reached = f"{harmless(source.name)}:1"
        items = self._completed(source.items(self._wanted.format, self._wanted.zone))
        for batch in batches(items, identity=source.identity, nonce=self._nonce):
            if isinstance(batch, Unsendable):
                self._reject(source, batch.line, batch.reason)
                continue
            self.reached = f"{harmless(source.name)}:{batch.lines[0]}"
            self._account(source, batch)
            self._progress.update(
                harmless(source.name), at=source.position(), total=source.size, events=self._sent - begun_with
            )
        self.reached = ""
        self._progress.clear()

    @property
    def _sent(self) -> int:
        return self.tally.accepted + self.tally.duplicates + self.tally.rejected

    def _account(self, source: Source, batch: Batch) -> None:
        outcome = self._delivery.deliver(batch)
        self.tally.add(outcome)
        for line, reason in outcome.rejected:
            self._reject(source, line, reason)

    def _reject(self, source: Source, line: int, reason: str) -> None:
        self.tally.rejected += 1
        kind = reason.partition(":")[0]
        self.tally.reasons[kind] = self.tally.reasons.get(kind, 0) + 1
        if self._wanted.rejected_shown is None or self.tally.rejected <= self._wanted.rejected_shown:
            self._progress.say(f"{harmless(source.name)}:{line}: rejected: {harmless(reason)}")

    def _completed(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            if isinstance(item, Found):
                self.tally.replaced += item.replaced
                _complete(item, self._wanted)
            yield item


def finish(sending: Sending, progress: Progress, wanted: Wanted) -> None:
    """Says what was not named one by one, and what may help."""
    tally = sending.tally
    progress.clear()
    if wanted.rejected_shown is not None and tally.rejected > wanted.rejected_shown:
        kinds = ", ".join(f"{harmless(kind)} {count:,}" for kind, count in sorted(tally.reasons.items()))
        unnamed = tally.rejected - wanted.rejected_shown
        progress.say(f"… and {unnamed:,} more rejected (in all: {kinds}); --all-rejected names each")
    if not wanted.without_times and TOO_OLD in tally.reasons:
        progress.say("Events older than the project keeps are rejected; --now stores them at the time of receipt.")


def _complete(found: Found, wanted: Wanted) -> None:
    """Fills in what was given on the command line. What the event names itself stays; a guess gives way."""
    event = found.event
    if service := event.get("service") or wanted.service or found.program:
        event["service"] = service
        if found.program and found.program != service:
            event.setdefault("metadata", {})["program"] = found.program
    if wanted.environment:
        event.setdefault("environment", wanted.environment)
    if wanted.without_times and (timestamp := event.pop("timestamp", None)) is not None:
        event.setdefault("metadata", {})["original_timestamp"] = timestamp


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
