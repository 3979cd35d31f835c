"""The whole product on one machine: what `make run` starts.

    engine -> tables -> first account -> gateway -> ready.json -> scheduler (-> demo), taken down in the opposite order

It reads PORT, DATA, ENDPOINT, DEMO and RATE from the environment, and what only tests set: TEST_CLOCK, TEST_EDGE,
TEST_HOSTS. It prints where it serves and never a secret, and keeps everything in the data folder: after a Ctrl-C, a
crash or a `kill -9` the next start goes on with it.
"""

import json
import logging
import logging.handlers
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from infra import engine, lifeline
from infra.edge import in_front_of
from infra.engine_binary import EngineUnavailable
from infra.gateway import Gateway, PortBusy, claim, serving
from infra.scheduler import scheduling

STAGE: Final = "local"
REGION: Final = "us-east-1"
OLD_LOG_BYTES: Final = 10_000_000
CONNECT_SECONDS: Final = 3.0


class OptionsWrong(Exception):
    """A variable that `make run` was given cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person who types `make run` decides."""

    port: int
    data: Path
    endpoint: str
    demo: bool
    rate: float
    clock: Path | None = None
    """A file that holds by how many seconds requests come later than they do: for tests that cannot wait an hour."""
    edge: bool = False
    """Whether it is served as behind a distribution that puts right what API Gateway renames."""
    hosts: Path | None = None
    """A file of hosts that a test serves itself."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ready(self) -> Path:
        return self.data / "ready.json"

    @property
    def deployment(self) -> Path:
        """The settings of the running product, for operator commands from another shell."""
        return self.data / "deployment.json"

    @property
    def account(self) -> Path:
        """The first account, from the moment it is made, which is before the server answers."""
        return self.data / "account.json"


def options(environment: Mapping[str, str]) -> Options:
    """Reads the variables. Raises `OptionsWrong`."""
    port = environment.get("PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise OptionsWrong(f"PORT must be a number from 1 to 65535, not {port!r}")
    rate = environment.get("RATE") or "5"
    try:
        events_per_second = float(rate)
    except ValueError:
        raise OptionsWrong(f"RATE must be a number of events a second, not {rate!r}") from None
    return Options(
        port=int(port),
        data=Path(environment.get("DATA") or ".local"),
        endpoint=environment.get("ENDPOINT", ""),
        demo=environment.get("DEMO", "") not in ("", "0"),
        rate=events_per_second,
        clock=Path(environment["TEST_CLOCK"]) if environment.get("TEST_CLOCK") else None,
        edge=environment.get("TEST_EDGE", "") not in ("", "0"),
        hosts=Path(environment["TEST_HOSTS"]) if environment.get("TEST_HOSTS") else None,
    )


def main() -> int:
    """Runs until it is told to stop. Returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        run(options(os.environ))
    except KeyboardInterrupt:
        return 0
    except PortBusy as busy:
        print(f"scrywatch: {busy}: stop what listens there, or take another with PORT=", file=sys.stderr)
    except (OptionsWrong, engine.EngineFailed) as problem:
        print(f"scrywatch: {problem}", file=sys.stderr)
    return 1


def run(chosen: Options) -> None:
    """Serves until `KeyboardInterrupt`. Raises `PortBusy` and `engine.EngineFailed`."""
    claim(chosen.port)
    chosen.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _keep_logs(chosen.data)
    with ExitStack() as stack:
        endpoint = stack.enter_context(_dynamodb(chosen))
        chosen.ready.unlink(missing_ok=True)
        variables = environment(chosen, endpoint)
        _enter(variables)
        write_privately(chosen.deployment, variables)
        stack.callback(chosen.deployment.unlink, missing_ok=True)
        account = _account(chosen)
        stack.enter_context(_served(chosen))
        write_privately(chosen.ready, account)
        stack.callback(chosen.ready.unlink, missing_ok=True)
        if chosen.demo:
            stack.enter_context(_demo(chosen, account["ingest_key"]))
        print(f"Scrywatch is at {chosen.url}\nThe first account and its keys are in {chosen.ready}", flush=True)
        _wait()


def environment(chosen: Options, endpoint: str) -> dict[str, str]:
    """The variables that the app's settings are read from, in place of a deployment's."""
    variables = {
        "SCRY_STAGE": STAGE,
        "SCRY_REGION": REGION,
        "SCRY_DYNAMODB_ENDPOINT": endpoint,
        "SCRY_SECRETS": _secret(chosen.data / "secret"),
        "SCRY_URL": chosen.url,
        "SCRY_MAIL": "outbox",
    }
    if engine.is_local(endpoint):
        # An engine on this machine asks for no credentials, so it must not be shown those of a real account.
        return {**variables, **engine.LOCAL_CREDENTIALS}
    return variables


def _enter(variables: Mapping[str, str]) -> None:
    if "AWS_ACCESS_KEY_ID" in variables:
        for part_of_others in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
            os.environ.pop(part_of_others, None)
    os.environ.update(variables)


def write_privately(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces a JSON file in one step; only its owner can read it, from the first byte on."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


@contextmanager
def _dynamodb(chosen: Options) -> Iterator[str]:
    if chosen.endpoint:
        _expect_answer(chosen.endpoint)
        yield chosen.endpoint
        return
    try:
        with engine.engine(chosen.data) as endpoint:
            yield endpoint
    except EngineUnavailable as reason:
        if os.environ.get("CI") == "true":
            raise engine.EngineFailed(str(reason)) from reason
        print(f"*** MEMORY ONLY: {reason}. Everything is lost when this run ends. ***", file=sys.stderr)
        with engine.memory_only() as endpoint:
            yield endpoint


def _expect_answer(endpoint: str) -> None:
    url = urlsplit(endpoint)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise engine.EngineFailed(
            f"nothing answers at {endpoint} ({error}): start it, or leave ENDPOINT= out"
        ) from error


def _account(chosen: Options) -> dict[str, Any]:
    """Creates the tables and the first account where they are missing."""
    from chalicelib.storage.tables.creation import create_tables  # reads the settings, which are there only now
    from infra.first_account import bootstrap

    create_tables()
    known = json.loads(chosen.account.read_text()) if chosen.account.exists() else None
    account: dict[str, Any] = bootstrap(url=chosen.url, known=known)
    write_privately(chosen.account, account)
    return account


@contextmanager
def _served(chosen: Options) -> Iterator[None]:
    from app import app  # as above
    from chalicelib.web import request
    from chalicelib.web.headers import SECURITY_HEADERS
    from infra.hosts import trust_hosts

    if chosen.clock:
        request.clock = _later_by(chosen.clock)
    if chosen.hosts:
        trust_hosts(chosen.hosts)
    gateway = Gateway(app, stage=STAGE, headers=SECURITY_HEADERS)
    with serving(in_front_of(gateway) if chosen.edge else gateway, chosen.port), scheduling(app):
        yield


def _later_by(file: Path) -> Callable[[], int]:
    """A clock that goes as this machine's does, ahead of it by the seconds in the file."""
    return lambda: time.time_ns() + int(file.read_text()) * 1_000_000_000


@contextmanager
def _demo(chosen: Options, key: str) -> Iterator[None]:
    # The key travels in the environment: arguments can be read by every user of the machine.
    command = [sys.executable, "-m", "infra.demo", "--url", chosen.url, "--rate", str(chosen.rate)]
    process = lifeline.start(command, env={**os.environ, "SCRY_KEY": key})
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _secret(path: Path) -> str:
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        unfinished.replace(path)
    return path.read_text()


def _keep_logs(data: Path) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    _keep("infra.access", data / "access.log", "%(asctime)s %(message)s")
    _keep("scrywatch.security", data / "security.log", "%(message)s")


def _keep(name: str, file: Path, form: str) -> None:
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.handlers.RotatingFileHandler(file, maxBytes=OLD_LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter(form))
    logger.addHandler(handler)


def _wait() -> None:
    """Until a signal comes, or `make` itself is gone: killing it should not leave a server behind."""
    started_by = os.getppid()
    forever = threading.Event()
    while not forever.wait(0.5):
        if "MAKELEVEL" in os.environ and os.getppid() != started_by:
            raise KeyboardInterrupt


def _interrupt(_number: int, _frame: object) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
