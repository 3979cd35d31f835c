"""What clients do, and the book they keep of it: which events were acknowledged, rejected, or left open."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
SPREAD_MS: Final = 6 * HOUR_MS
"""How far back events lie: hours that run, hours that are over, and hours that were counted long ago."""

TOO_OLD_MS: Final = 40 * DAY_MS
LONGEST_WAIT: Final = 40.0
PAUSE: Final = 0.2
"""After a request that nobody answered."""

LEVELS: Final = ("debug", "info", "info", "info", "warn", "error")
SERVICES: Final = ("checkout", "search", "mail", "worker")

NOTHING: Final = 0
"""The status where no answer came."""

FINE: Final = frozenset({NOTHING, 200, 202, 404, 408, 422, 429, 502, 503, 504})
"""What an answer may be while everything breaks. Anything else is a fault of ours."""


@dataclass(slots=True)
class Batch:
    """One body, sent until it is acknowledged, or once more than that."""

    body: bytes
    key: str | None
    good: tuple[str, ...]
    """Ids of the events that must be stored, each the first word of its message."""
    bad: tuple[int, ...]
    """Places of those that must be rejected."""
    acknowledged: bool = False


@dataclass
class Tenant:
    """A project, its keys, a word that only its events hold, and its book."""

    name: str
    ingest_key: str
    query_keys: tuple[str, ...]
    base: str
    word: str
    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    open: list[Batch] = field(default_factory=list)
    done: list[Batch] = field(default_factory=list)


@dataclass
class Book:
    """What was seen to go wrong, and how much was done."""

    operations: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    leaked: set[str] = field(default_factory=set)
    unnamed: list[str] = field(default_factory=list)
    """Answers to batches in which not every event is accepted, a duplicate or rejected by its place."""
    broken: Counter[str] = field(default_factory=Counter)
    """Answers that no fault excuses."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One party that uses the product. Each has a thread of its own and its own chance."""

    def __init__(self, port: int, tenants: tuple[Tenant, Tenant], book: Book, clock: "Clock", seed: str) -> None:
        self._port = port
        self._tenants = tenants
        self._book = book
        self._clock = clock
        self._chance = random.Random(seed)
        self._seed = seed
        self._made = 0
        self._connection: http.client.HTTPConnection | None = None

    def act(self) -> None:
        """One operation."""
        tenant = self._chance.choice(self._tenants)
        what = self._chance.choices(tuple(ACTS), [weight for weight, _ in ACTS.values()])[0]
        with self._book.lock:
            self._book.operations[what] += 1
        ACTS[what][1](self, tenant)

    def send_new(self, tenant: Tenant) -> None:
        batch = self._batch(tenant)
        with self._book.lock:
            tenant.sent.update(batch.good)
        self.send(tenant, batch)

    def send_again(self, tenant: Tenant) -> None:
        """One that was never acknowledged, or one that was."""
        with self._book.lock:
            if tenant.open and self._chance.random() < 0.8:
                batch = tenant.open.pop(self._chance.randrange(len(tenant.open)))
            elif tenant.done:
                batch = self._chance.choice(tenant.done)
            else:
                return
        self.send(tenant, batch)

    def send(self, tenant: Tenant, batch: Batch) -> None:
        headers = {"Content-Type": "application/json"}
        if batch.key:
            headers["Idempotency-Key"] = batch.key
        status, content = self.ask(tenant, "POST", "/api/ingest", tenant.ingest_key, headers, batch.body)
        with self._book.lock:
            if status == 202:
                self._acknowledge(tenant, batch, json.loads(content))
            elif not batch.acknowledged:
                tenant.open.append(batch)

    def search(self, tenant: Tenant) -> None:
        self.read(tenant, "/logs", {"q": self._chance.choice(SERVICES), "since": "8h", "limit": "50"})

    def page(self, tenant: Tenant) -> None:
        query = {"since": "8h", "limit": "20", "order": self._chance.choice(("asc", "desc"))}
        answer = self.read(tenant, "/logs", query)
        if answer and answer["next_cursor"]:
            self.read(tenant, "/logs", {**query, "cursor": answer["next_cursor"]})

    def count(self, tenant: Tenant) -> None:
        self.read(tenant, "/logs/timeline", {"since": "8h"})

    def follow(self, tenant: Tenant) -> None:
        answer = self.read(tenant, "/logs/tail", {})
        if answer:
            self.read(tenant, "/logs/tail", {"cursor": answer["cursor"]})

    def look_up(self, tenant: Tenant) -> None:
        """An event of the other tenant's, by its id: it is not there."""
        other = self._tenants[tenant is self._tenants[0]]
        answer = self.read(other, "/logs", {"since": "8h", "limit": "1"})
        if answer and answer["data"]:
            self.read(tenant, "/logs/" + quote(answer["data"][0]["id"]), {})

    def read(self, tenant: Tenant, path: str, query: Mapping[str, str]) -> Any:
        """The JSON of an answer, or None where there is none."""
        key = self._chance.choice(tenant.query_keys)
        status, content = self.ask(tenant, "GET", f"{tenant.base}{path}?{urlencode(query)}", key, {}, b"")
        return json.loads(content) if status == 200 else None

    def exported(self, tenant: Tenant, since_ms: int, until_ms: int) -> Iterator[dict[str, Any]]:
        """Everything that the product lists, of a stretch of time. Asks until it is told."""
        query = {"from": str(since_ms), "to": str(until_ms), "format": "ndjson"}
        while True:
            content, further = self._piece(tenant, query)
            for line in content.splitlines():
                yield json.loads(line)
            if not further:
                return
            query["cursor"] = further

    def counted(self, tenant: Tenant, since_ms: int, until_ms: int) -> int:
        """What the histogram adds up to. Asks until it is told, and in full."""
        query = {"from": str(since_ms), "to": str(until_ms), "buckets": "50"}
        gives_up_at = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < gives_up_at:
            answer = self.read(tenant, "/logs/timeline", query)
            if answer and not answer["partial"]:
                return sum(sum(bucket["counts"].values()) for bucket in answer["series"])
            time.sleep(0.1)
        raise TimeoutError("the histogram was not told in full")

    def ask(
        self, tenant: Tenant, method: str, path: str, key: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Status and body; `NOTHING` where the answer did not come. Whatever comes is searched for others' words."""
        status, content, _ = self._asked(method, path, key, headers, body)
        other = self._tenants[tenant is self._tenants[0]]
        with self._book.lock:
            self._book.statuses[status] += 1
            if other.word.encode() in content:
                self._book.leaked.add(f"{tenant.name} {method} {path.partition('?')[0]}")
            if status not in FINE:
                self._book.broken[f"{status} {method} {path.partition('?')[0]}"] += 1
        return status, content

    def _piece(self, tenant: Tenant, query: Mapping[str, str]) -> tuple[bytes, str]:
        gives_up_at = time.monotonic() + LONGEST_WAIT
        path = f"{tenant.base}/logs/export?{urlencode(query)}"
        while time.monotonic() < gives_up_at:
            status, content, further = self._asked("GET", path, self._chance.choice(tenant.query_keys), {}, b"")
            if status == 200:
                return content, further
            time.sleep(0.1)
        raise TimeoutError("the export was not told in full")

    def _asked(
        self, method: str, path: str, key: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, str]:
        connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        self._connection = None
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {key}", **headers})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            time.sleep(PAUSE)
            return NOTHING, b"", ""
        self._connection = connection
        return answer.status, content, answer.headers.get("X-Next-Cursor", "")

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def _acknowledge(self, tenant: Tenant, batch: Batch, outcome: Mapping[str, Any]) -> None:
        rejected = tuple(sorted(each["index"] for each in outcome["rejected"]))
        stored = outcome["accepted"] + outcome["duplicates"]
        if rejected != batch.bad or stored != len(batch.good):
            self._book.unnamed.append(f"{tenant.name}: {outcome}, of {len(batch.good)} good and {batch.bad} bad")
        tenant.acknowledged.update(batch.good)
        if not batch.acknowledged:
            batch.acknowledged = True
            tenant.done.append(batch)

    def _batch(self, tenant: Tenant) -> Batch:
        """Some have an event that is too old, or none but the clock's own time, or a key."""
        chance, now = self._chance, self._clock.now_ms
        key = f"{self._seed}-{self._made}" if chance.random() < 0.2 else None
        events, good, bad = [], [], []
        for place in range(chance.choice((1, 1, 2, 3, 5, 8, 20))):
            self._made += 1
            name = f"e{self._seed}x{self._made}"
            event = _event(chance, name, tenant.word, now)
            if chance.random() < 0.02:
                event["timestamp"] = now - TOO_OLD_MS
                bad.append(place)
            elif key and chance.random() < 0.1:
                del event["timestamp"]
                good.append(name)
            else:
                good.append(name)
            events.append(event)
        if not good:
            return self._batch(tenant)
        return Batch(json.dumps({"events": events}).encode(), key, tuple(good), tuple(bad))


def _event(chance: random.Random, name: str, word: str, now: int) -> dict[str, Any]:
    back = int(SPREAD_MS * chance.random() ** 4)  # most are new
    return {
        "timestamp": now - back, "level": chance.choice(LEVELS), "service": chance.choice(SERVICES),
        "message": f"{name} {word} took {chance.randrange(10_000)} ms",
        "metadata": {"attempt": chance.randrange(5), "pod": f"pod-{chance.randrange(9)}"},
    }  # fmt: skip


class Clock:
    """The time of the deployment, which goes faster than ours."""

    def __init__(self) -> None:
        self.ahead = 0
        self.begun_ms = time.time_ns() // 1_000_000

    @property
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead * 1_000


ACTS: Final[dict[str, tuple[int, Any]]] = {
    "send": (46, Client.send_new),
    "send again": (24, Client.send_again),
    "search": (8, Client.search),
    "page": (6, Client.page),
    "count": (6, Client.count),
    "follow": (6, Client.follow),
    "look for what is another's": (4, Client.look_up),
}
"""How often, and what. Those that find nothing to do count as done."""
