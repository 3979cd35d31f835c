"""Rounds of use and faults, and what is checked between them."""

import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from infra.campaign.processes import PRODUCT, Engine, Served
from infra.campaign.traffic import SPREAD_MS, Book, Client, Clock, Tenant
from infra.campaign.way import FAULTS as WAY_FAULTS
from infra.campaign.way import Way

CLIENTS: Final = 4
QUERY_KEYS: Final = 6
"""Of each tenant: a key may ask six hundred times a minute."""

STEP_SECONDS: Final = (600, 1_500)
"""By how much the deployment's clock goes on between two rounds."""

APART_SECONDS: Final = 240
"""How far the clocks of two functions may be apart."""

OFF_SECONDS: Final = 45
"""By how much requests come too early or too late. More would use up the limits of an hour that has not come yet."""

MOST_MORE: Final = 100
"""Operations at the end of a round, until every fault was met."""

JOB_SECONDS: Final = 120
EARLY_MS: Final = 600_000


@dataclass
class Findings:
    """What a campaign did and found. Empty collections are what is promised."""

    seed: int
    rounds: int = 0
    seconds: float = 0.0
    operations: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: int = 0
    lost: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    invented: set[str] = field(default_factory=set)
    """Listed, and never sent, or rejected."""
    leaked: set[str] = field(default_factory=set)
    miscounted: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        found = (self.lost, self.doubled, self.invented, self.leaked, self.miscounted, self.unnamed, self.broken)
        return not any(found)


def campaign(
    *, seed: int, rounds: int, operations: int, faults: Sequence[str], module: Sequence[str] = (PRODUCT,)
) -> Findings:
    """So many rounds of so many operations, each with every one of the faults. Everything ends with it."""
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = stack.enter_context(Engine(folder).running())
        way = stack.enter_context(Way(engine.port).open())
        served = stack.enter_context(Served(folder, endpoint=way.url, module=module).running())
        run = _Campaign(seed, engine, way, served)
        for _ in range(rounds):
            run.round(operations, faults)
        run.findings.seconds = time.monotonic() - begun
        return run.findings


class _Campaign:
    def __init__(self, seed: int, engine: Engine, way: Way, served: Served) -> None:
        self.findings = Findings(seed)
        self._chance = random.Random(seed)
        self._engine = engine
        self._way = way
        self._served = served
        self._clock = Clock()
        self._book = Book()
        self._tenants = (_tenant(served, "acme", "aardvark"), _tenant(served, "evil", "zeppelin"))
        self._step = 0

    def round(self, operations: int, faults: Sequence[str]) -> None:
        self.findings.rounds += 1
        wanted = list(faults)
        self._chance.shuffle(wanted)
        clients = [self._client(f"{self.findings.rounds}c{number}") for number in range(CLIENTS)]
        left = _Left(operations)
        threads = [threading.Thread(target=_work, args=(client, left)) for client in clients]
        for thread in threads:
            thread.start()
        for number, fault in enumerate(wanted, start=1):
            left.wait_until(operations - operations * number // (len(wanted) + 1))
            self._break(fault)
        for thread in threads:
            thread.join()
        self._meet_all(clients)
        for client in clients:
            client.close()
        with self._way.quiet():
            self._heal()
            self._check()
        self._clock.ahead += self._chance.randint(*STEP_SECONDS)
        self._served.set_clock(self._clock.ahead)

    def _meet_all(self, clients: Sequence[Client]) -> None:
        """What was armed last may have met nothing yet."""
        for client in islice(cycle(clients), MOST_MORE):
            if not self._way.waits:
                return
            client.act()

    # --- breaking -----------------------------------------------------------------------------------------------------

    def _break(self, fault: str) -> None:
        if fault in WAY_FAULTS:
            self._way.arm(fault)
            return
        self.findings.faults[fault] += 1
        BREAKS[fault](self)

    def kill_product(self) -> None:
        self._served.kill()
        with self._way.quiet():
            self._served.start()

    def kill_engine(self) -> None:
        self._engine.kill()
        time.sleep(self._chance.random() / 5)
        self._engine.start()

    def deploy(self) -> None:
        self._served.stop()
        with self._way.quiet():
            self._served.start()

    def step_clock(self) -> None:
        """The product's clock is off for a while, ahead or behind."""
        self._served.set_clock(self._clock.ahead + self._chance.randint(-OFF_SECONDS, OFF_SECONDS))

    def job_twice(self) -> None:
        self._jobs(self._job(), self._job())

    def job_killed(self) -> None:
        job = self._job()
        time.sleep(0.4 + self._chance.random())
        job.kill()
        job.wait()

    def job_late(self) -> None:
        self._jobs(self._job(ahead=-APART_SECONDS))

    def new_dictionary(self) -> None:
        self._jobs(self._job("--new-dictionary"))

    def resend_at_once(self) -> None:
        """One batch, from several places in the same moment."""
        tenant = self._chance.choice(self._tenants)
        with self._book.lock:
            batches = tenant.open[:1] or tenant.done[-1:]
        clients = [self._client(f"{self.findings.rounds}s{self._chance.random()}") for _ in range(CLIENTS)]
        for batch in batches:
            threads = [threading.Thread(target=client.send, args=(tenant, batch)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for client in clients:
            client.close()

    def _job(self, *more: str, ahead: int | None = None) -> subprocess.Popen[bytes]:
        off = self._chance.randint(-APART_SECONDS, APART_SECONDS) if ahead is None else ahead
        return self._served.job("--ahead", str(self._clock.ahead + off), *more)

    def _jobs(self, *jobs: subprocess.Popen[bytes]) -> None:
        for job in jobs:
            job.wait(JOB_SECONDS)

    # --- mending and checking -----------------------------------------------------------------------------------------

    def _heal(self) -> None:
        self.findings.faults += self._way.met
        self._way.met.clear()
        self._served.set_clock(self._clock.ahead)
        if not self._served.is_up:
            self._served.start()
        client = self._client(f"{self.findings.rounds}h")
        for tenant in self._tenants:
            again, tenant.open = tenant.open, []
            for batch in again:
                if batch.acknowledged:
                    continue
                if self._chance.random() < 0.7:
                    client.send(tenant, batch)
                else:  # its client gave up: it may be there or not, but not twice
                    continue
        client.close()

    def _check(self) -> None:
        client = self._client(f"{self.findings.rounds}k")
        for tenant in self._tenants:
            self._check_tenant(client, tenant)
        client.close()
        book, found = self._book, self.findings
        found.operations, found.statuses = book.operations, book.statuses
        found.leaked |= book.leaked
        found.unnamed = book.unnamed
        found.broken = book.broken
        found.acknowledged = sum(len(tenant.acknowledged) for tenant in self._tenants)

    def _check_tenant(self, client: Client, tenant: Tenant) -> None:
        found = self.findings
        since, until = self._clock.begun_ms - SPREAD_MS - EARLY_MS, self._clock.now_ms + EARLY_MS
        listed: Counter[str] = Counter()
        for event in client.exported(tenant, since, until):
            name, word = event["message"].split()[:2]
            listed[name] += 1
            if word != tenant.word:
                found.leaked.add(f"{tenant.name} lists {word}")
        found.lost |= tenant.acknowledged - listed.keys()
        found.doubled |= {name for name, times in listed.items() if times > 1}
        found.invented |= {name for name in listed if name not in tenant.sent}
        counted = client.counted(tenant, since, until)
        if counted != listed.total():
            found.miscounted.append(f"round {found.rounds}, {tenant.name}: {counted}, and {listed.total()} are listed")

    def _client(self, name: str) -> Client:
        return Client(self._served.port, self._tenants, self._book, self._clock, f"{self.findings.seed}r{name}")


class _Left:
    """How many operations are left, shared by those who do them and the one who breaks things meanwhile."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._changed = threading.Condition()

    def take(self) -> bool:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()
            return self._count >= 0

    def wait_until(self, left: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._count <= left)


def _work(client: Client, left: _Left) -> None:
    while left.take():
        client.act()


def _tenant(served: Served, name: str, word: str) -> Tenant:
    place = ("--org", name, "--project", "shop")
    made = served.operator("create-project", *place)
    more = [served.operator("create-key", *place, "--kind", "query")["key"] for _ in range(QUERY_KEYS - 1)]
    base = f"/api/orgs/{name}/projects/shop"
    return Tenant(name, made["ingest_key"], (made["query_key"], *more), base, word)


BREAKS: Final[dict[str, Callable[[_Campaign], None]]] = {
    "product killed": _Campaign.kill_product,
    "engine killed": _Campaign.kill_engine,
    "deployed": _Campaign.deploy,
    "clock off": _Campaign.step_clock,
    "job twice at once": _Campaign.job_twice,
    "job killed": _Campaign.job_killed,
    "job late": _Campaign.job_late,
    "new dictionary": _Campaign.new_dictionary,
    "resent at once": _Campaign.resend_at_once,
}

FAULTS: Final = (*WAY_FAULTS, *BREAKS)
