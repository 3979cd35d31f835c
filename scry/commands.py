"""The command line: what can be asked for, and what each end of a command is called in its exit code."""

import argparse
import os
import secrets
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scry import deploy, kept_login, options, patterns, showing
from scry.asking import Project
from scry.configuration import Configuration, checked_url, configuration
from scry.delivery import Delivery
from scry.errors import QueryRefused, ScryError, Unreadable
from scry.login import Destination, login
from scry.patience import Patience
from scry.progress import Progress
from scry.send import SHOWN, Sending, Wanted, finish
from scry.showing import Output
from scry.sources import STDIN, open_source
from scry.terminal import harmless, json_text
from scry.transport import Connection

ASKING_PATIENCE: Final = 20.0
"""Seconds that somebody waits for an answer before being told that there is none."""

DESCRIPTION: Final = """\
Sends logs to Scrywatch and searches them. Run it as bin/scry, or as python -m scry.

Where to send and whom to ask is taken from ONE of these, the first there is:
  --ready FILE            what `make run` writes when it serves
  SCRY_URL                with SCRY_KEY (an ingest key) to send, and
                          SCRY_QUERY_KEY, SCRY_ORG, SCRY_PROJECT to ask
  ./.local/ready.json     so beside `make run` nothing needs to be said
  scry login              to ask, in the browser, without a key"""

EPILOGUE: Final = """\
exit codes: 0 done · 1 something was rejected · 2 wrong options, file or query ·
            3 the server refused or did not answer · 130 interrupted

examples:
  scry send /var/log/syslog app.ndjson.gz --environment production
  journalctl -f -o json | scry send -
  scry search 'level>=error timeout' --since 2h --fields trace_id,metadata.http.status
  scry count --by service,level --since 1d
  scry patterns level:error --since 7d --only new
  scry tail service:checkout"""


@dataclass(frozen=True, slots=True)
class _Run:
    """What a command is run with."""

    options: argparse.Namespace
    settings: Configuration


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.run in (_login, _logout):
            code: int = options.run(options)
            return code
        settings = configuration(os.environ, ready=options.ready, org=options.org, project=options.project)
        if settings.unencrypted:
            _complain(f"{settings.url} is not https: the key and the logs travel where others can read them")
        run: Callable[[_Run], int] = options.run
        return run(_Run(options, settings))
    except ScryError as error:
        _complain(str(error), is_safe=isinstance(error, QueryRefused))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the answers has seen enough. Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(
        prog="scry", description=DESCRIPTION, epilog=EPILOGUE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    described = {
        "send": (options.send, _send, "send log files, or standard input (-)"),
        "search": (options.search, _search, "find events"),
        "tail": (options.tail, _tail, "show events as they arrive"),
        "count": (options.count, _count, "count events, by one or two fields"),
        "timeline": (options.timeline, _timeline, "count events over time"),
        "patterns": (patterns.options, _patterns, "group messages, and see what is new"),
        "deploy": (deploy.options, _deploy, "record a deploy, with an ingest key"),
    }
    for name, (add, run, said) in described.items():
        add(commands.add_parser(name, parents=[options.common()], help=said)).set_defaults(run=run)
    logging_in = commands.add_parser("login", help="allow this command line to read a project, in the browser")
    options.login(logging_in).set_defaults(run=_login)
    commands.add_parser("logout", help="end that, here and at the server").set_defaults(run=_logout)
    return top


# --- the commands -----------------------------------------------------------------------------------------------------


def _send(run: _Run) -> int:
    options, settings = run.options, run.settings
    key = settings.needed("ingest_key", "SCRY_KEY")
    now = datetime.now(UTC)
    _check_readable(options.files)
    wanted = Wanted(
        format=options.format,
        zone=options.timezone,
        service=options.service,
        environment=options.environment,
        without_times=options.now,
        rejected_shown=None if options.all_rejected else SHOWN,
    )
    progress = Progress(sys.stderr)
    patience = Patience(seconds=options.patience, notice=progress.say)
    with Connection(settings.url) as connection:
        delivery = Delivery(connection, key=key, patience=patience)
        sending = Sending(delivery, wanted, progress=progress, nonce=secrets.token_hex(8))
        try:
            for name in options.files:
                with open_source(name, standard_input=sys.stdin.buffer, now=now) as source:
                    sending.send(source)
        finally:
            finish(sending, progress, wanted)
            print(json_text(sending.tally.as_json()) if options.json else sending.tally.sentence())
            if sending.reached:
                _complain(f"stopped at {sending.reached}. Send the file again: what arrived is recognised.")
    return 1 if sending.tally.rejected else 0


def _patterns(run: _Run) -> int:
    asked = run.options
    parameters = _range(asked) | {"only": asked.only, "limit": asked.limit}
    with _project(run) as project:
        patterns.patterns(project, _output(asked), parameters)
    return 0


def _deploy(run: _Run) -> int:
    return deploy.run(run.settings, run.options, notice=_complain)


def _search(run: _Run) -> int:
    options = run.options
    with _project(run) as project:
        parameters = _range(options) | {"order": {"newest": "desc", "oldest": "asc"}[options.order]}
        showing.search(project, _output(options), parameters, limit=options.limit)
    return 0


def _tail(run: _Run) -> int:
    with _project(run) as project:
        showing.tail(project, _output(run.options), run.options.query)
    return 0


def _count(run: _Run) -> int:
    with _project(run) as project:
        showing.count(project, _output(run.options), _range(run.options) | {"by": run.options.by})
    return 0


def _timeline(run: _Run) -> int:
    with _project(run) as project:
        showing.timeline(project, _output(run.options), _range(run.options) | {"buckets": run.options.buckets})
    return 0


def _login(options: argparse.Namespace) -> int:
    wanted = Destination(checked_url(options.url, "the command line"), options.org, options.project)

    def show(address: str) -> None:
        print(f"Open this address in a browser on this machine:\n  {address}", flush=True)
        if not options.no_browser:
            webbrowser.open(address)

    with Connection(wanted.url) as connection:
        kept_login.write(kept_login.place(os.environ), login(wanted, connection, show))
    print(f"Logged in: scry reads {wanted.org}/{wanted.project} until scry logout, or until somebody ends it there.")
    return 0


def _logout(_: argparse.Namespace) -> int:
    place = kept_login.place(os.environ)
    found = kept_login.read(place)
    if found is None:
        print("Nobody is logged in.")
        return 0
    with Connection(found.url) as connection:
        kept_login.ended(place, connection, found)
    print("Logged out.")
    return 0


class _Keyring:
    """The key to ask with, and how to get another where it came of a login."""

    def __init__(self, key: str, file: Path | None, connection: Connection) -> None:
        self.key = key
        self._file = file
        self._connection = connection

    def renew(self) -> bool:
        if self._file is None:
            return False
        self.key = kept_login.renewed(self._file, self._connection, stale=self.key)
        return True


@contextmanager
def _project(run: _Run) -> Iterator[Project]:
    settings = run.settings
    key = settings.needed("query_key", "SCRY_QUERY_KEY")
    org, project = settings.needed("org", "SCRY_ORG"), settings.needed("project", "SCRY_PROJECT")
    patience = Patience(seconds=ASKING_PATIENCE, notice=_complain)
    with Connection(settings.url) as connection:
        ring = _Keyring(key, settings.login, connection)
        yield Project(connection, lambda: ring.key, org, project, patience, ring.renew)


def _range(options: argparse.Namespace) -> dict[str, str | int | None]:
    return {"q": options.query, "since": options.since, "from": options.start, "to": options.end}


def _output(options: argparse.Namespace) -> Output:
    fields = tuple(name.strip() for name in getattr(options, "fields", "").split(",") if name.strip())
    return Output(sys.stdout, sys.stderr, as_json=options.json, fields=fields)


def _check_readable(names: Sequence[str]) -> None:
    """Before anything is sent: a mistyped name among many should not be found half-way."""
    for name in names:
        if name == STDIN:
            continue
        path = Path(name)
        if path.is_dir():
            raise Unreadable(f"{name} is a folder")
        if not path.exists():
            raise Unreadable(f"{name}: there is no such file")
        if not os.access(path, os.R_OK):
            raise Unreadable(f"{name}: no permission to read it")


def _complain(text: str, *, is_safe: bool = False) -> None:
    lines = text.split("\n")
    print("scry: " + "\n".join(line if is_safe else harmless(line) for line in lines), file=sys.stderr)
