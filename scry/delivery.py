"""Delivers batches to `POST /api/ingest` and accounts for every event in them."""

from dataclasses import dataclass
from typing import Any, Final

from scry.batches import Batch
from scry.errors import Refused
from scry.patience import Patience
from scry.transport import CODINGS, Answer, Connection, compressed

PATH: Final = "/api/ingest"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: every event of it is in exactly one of these."""

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[tuple[int, str], ...] = ()
    """(line, reason)"""

    def plus(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.accepted + other.accepted, self.duplicates + other.duplicates, self.rejected + other.rejected
        )


class Delivery:
    """Sends with one key over one connection. It remembers a content coding that the server did not take."""

    def __init__(self, connection: Connection, *, key: str, patience: Patience, idempotent: bool = True) -> None:
        self._connection, self._key, self._patience = connection, key, patience
        self._idempotent = idempotent
        self._codings = list(CODINGS)

    def deliver(self, batch: Batch) -> Outcome:
        """Returns when the server has answered for every event.

        Raises `Refused` if it will not take this from us, `Unreachable` if no answer came in time: then the batch may
        have been stored or not, and sending it again does no harm.
        """
        answer = self._patience.until_answered(lambda: self._post(batch))
        if answer.status == 202:
            return _accounted(batch, answer)
        if answer.status == 415 and len(self._codings) > 1:
            del self._codings[0]
            return self.deliver(batch)
        if answer.status == 413:
            return self._in_halves(batch)
        if answer.status == 400 and (rejected := _all_rejected(batch, answer)):
            return rejected
        raise refusal(answer, what="an ingest key (SCRY_KEY)")

    def _post(self, batch: Batch) -> Answer:
        headers = {"Content-Type": "application/json"}
        if self._idempotent:
            headers["Idempotency-Key"] = batch.key
        if self._codings[0] != "identity":
            headers["Content-Encoding"] = self._codings[0]
        return self._connection.request(
            "POST", PATH, key=self._key, headers=headers, body=compressed(batch.body, self._codings[0])
        )

    def _in_halves(self, batch: Batch) -> Outcome:
        if len(batch.events) == 1:
            return Outcome(rejected=((batch.lines[0], "too_large: the server does not take a request of this size"),))
        first, second = batch.halves()
        return self.deliver(first).plus(self.deliver(second))


def refusal(answer: Answer, *, what: str) -> Refused:
    """The server's own words for why, and what may help. `what` names the key that was used."""
    said = answer.object() or {}
    words = " ".join(str(said[name]) for name in ("title", "detail") if said.get(name))
    if answer.status in (401, 403):
        hint = f"the key was not accepted ({answer.status}). Is it {what}, of this server, and not revoked?"
    elif 300 <= answer.status < 400:
        hint = f"redirected to {answer.headers.get('location', 'nowhere')}: set the URL to where the service really is."
    elif 200 <= answer.status < 300:
        hint = f"this is not the answer ({answer.status}) of a Scrywatch server. Is the URL right?"
    else:
        hint = f"the server answered {answer.status}."
    return Refused(f"{hint} {words}".strip(), status=answer.status)


def _accounted(batch: Batch, answer: Answer) -> Outcome:
    said = answer.object() or {}
    accepted, duplicates, rejected = said.get("accepted"), said.get("duplicates", 0), _rejected(batch, said)
    if not isinstance(accepted, int) or not isinstance(duplicates, int) or rejected is None:
        raise refusal(answer, what="an ingest key")
    if accepted + duplicates + len(rejected) != len(batch.events):
        raise Refused(
            f"The server accounts for {accepted + duplicates + len(rejected)} of {len(batch.events)} events from line "
            f"{batch.lines[0]} on. Send the file again: what arrived is recognised.",
            status=answer.status,
        )
    return Outcome(accepted, duplicates, rejected)


def _all_rejected(batch: Batch, answer: Answer) -> Outcome | None:
    """A body without one usable event is a 400 that names each; any other 400 is about the request."""
    rejected = _rejected(batch, answer.object() or {})
    return Outcome(rejected=rejected) if rejected and len(rejected) == len(batch.events) else None


def _rejected(batch: Batch, said: dict[str, Any]) -> tuple[tuple[int, str], ...] | None:
    listed = said.get("rejected", [])
    if not isinstance(listed, list):
        return None
    found = []
    for each in listed:
        index = each.get("index") if isinstance(each, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(batch.lines):
            return None
        found.append((batch.lines[index], str(each.get("reason", "no reason given"))))
    return tuple(found)
