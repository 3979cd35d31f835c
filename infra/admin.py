"""What an operator does from a shell: tables, projects, keys, and people who cannot help themselves.

    python -m infra.admin create-tables
    python -m infra.admin create-project --org acme --project shop

It works on the deployment that the `SCRY_…` variables name (`docs/settings.md`); without them, on the product that
`make run` runs on this machine, with its data in DATA or `.local`. It prints keys once: nothing can show them again.
`--json` prints one JSON object instead of text.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chalicelib import settings
from chalicelib.identity import accounts, key_ring, plan_changes, plans, second_factor, sessions, users
from chalicelib.identity.deletion import OnlyOwner, TooManyMemberships
from chalicelib.identity.key_ring import KeyUnknown
from chalicelib.identity.membership import Operator
from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import NewOrg, Org, SettingsChanged, org_by_id
from chalicelib.identity.plan_changes import Move
from chalicelib.identity.plans import PLANS, Plan, WindowRefused
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import Project, ids_of, org_by_slug, project_by_id, projects_of
from chalicelib.identity.second_factor import FactorMissing
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.identity.users import ChangedMeanwhile, User
from chalicelib.ids import OrgId, ProjectId
from chalicelib.settings import SettingsWrong
from chalicelib.storage import audit
from chalicelib.storage.errors import RequestRefused, StoreUnavailable
from chalicelib.storage.tables import models
from infra.erase import NotFinished, NothingToErase, erase_account, erase_org

COUNTING_SECONDS: Final = 20.0


class NotThere(Exception):
    """The command names something that does not exist."""


class ClientRefused(Exception):
    """No OAuth client can be as the command wants it."""


class PlanRefused(Exception):
    """The plan cannot be as the command says, or would delete what the command does not say may go."""


REFUSALS: Final = (
    SlugRefused, SlugTaken, NameRefused, WindowRefused, KeyUnknown, FactorMissing, ChangedMeanwhile, SettingsChanged,
    NotThere, ClientRefused, PlanRefused, SettingsWrong,
    OnlyOwner, TooManyMemberships, NothingToErase, NotFinished,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. 0 if it was done; 1 if not, and standard error says why and what helps."""
    given = _parser().parse_args(arguments)
    _enter_local_deployment()
    try:
        models.configure()
        result = given.run(given)
    except REFUSALS as refusal:
        print(_sentence(refusal), file=sys.stderr)
        return 1
    except (RequestRefused, StoreUnavailable) as failure:
        print(_store_trouble(failure), file=sys.stderr)
        return 1
    print(json.dumps(result, indent=2) if given.json else _text(result))
    return 0


def _enter_local_deployment() -> None:
    """Takes the settings of the product that runs here, unless the environment names a deployment."""
    running = Path(os.environ.get("DATA") or ".local") / "deployment.json"
    if "SCRY_SECRETS" not in os.environ and running.exists():
        os.environ.update(json.loads(running.read_text()))
        settings.current.cache_clear()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.admin", description=__doc__.partition("\n")[0])
    commands = _Commands(parser)
    commands.add("create-tables", _create_tables, "Create the tables that are missing.")
    _add_projects(commands)
    _add_plans(commands)
    _add_keys(commands)
    _add_people(commands)
    _add_erasing(commands)
    return parser


class _Commands:
    """Makes commands, each with what it does, and the options that several of them have."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._made = parser.add_subparsers(required=True, metavar="COMMAND")
        self._everywhere = argparse.ArgumentParser(add_help=False)
        self._everywhere.add_argument("--json", action="store_true", help="print one JSON object")
        self.of_org = argparse.ArgumentParser(add_help=False)
        self.of_org.add_argument("--org", required=True, metavar="SLUG")
        self.of_project = argparse.ArgumentParser(add_help=False, parents=[self.of_org])
        self.of_project.add_argument("--project", required=True, metavar="SLUG")
        self.of_person = argparse.ArgumentParser(add_help=False)
        self.of_person.add_argument("--email", required=True, metavar="ADDRESS", help="of the account")

    def add(
        self, name: str, run: Callable[[argparse.Namespace], dict[str, Any]], text: str,
        *options: argparse.ArgumentParser,
    ) -> argparse.ArgumentParser:  # fmt: skip
        made: argparse.ArgumentParser = self._made.add_parser(
            name, help=text, description=text, parents=[self._everywhere, *options]
        )
        made.set_defaults(run=run)
        return made


def _add_projects(commands: _Commands) -> None:
    created = commands.add(
        "create-project", _create_project, "Create a project, and its organisation if new.", commands.of_project
    )
    created.add_argument("--org-name", metavar="NAME", help="of a new organisation; its slug if left out")
    created.add_argument("--project-name", metavar="NAME", help="the slug if left out")
    created.add_argument("--retention-days", type=_days, metavar="DAYS", help="the plan's if left out")
    commands.add("list-projects", _list_projects, "List an organisation's projects.", commands.of_org)


def _add_plans(commands: _Commands) -> None:
    told = "Show an organisation's plan, and what its projects have of it."
    commands.add("show-plan", _show_plan, told, commands.of_org)
    plan = commands.add("set-plan", _set_plan, "Give an organisation a plan.", commands.of_org)
    plan.add_argument("--plan", required=True, choices=("own", *PLANS, "custom"), help="own: the deployment's settings")
    plan.add_argument("--retention-days", type=_days, metavar="DAYS", help="of a custom plan: the longest window")
    plan.add_argument("--events-a-day", type=_count, metavar="COUNT", help="of a custom plan: no limit if left out")
    plan.add_argument("--shorten", action="store_true", help="delete what the plan does not keep any more")


def _add_keys(commands: _Commands) -> None:
    key = commands.add("create-key", _create_key, "Create one more key of a project.", commands.of_project)
    key.add_argument("--kind", required=True, choices=("ingest", "query"))
    key.add_argument("--label", default="", help="what it is for")
    key.add_argument("--lifetime-days", type=_days, metavar="DAYS", help="for ever if left out")
    commands.add("list-keys", _list_keys, "List a project's keys.", commands.of_project)
    revoked = commands.add("revoke-key", _revoke_key, "End a key: the next request with it is refused.")
    revoked.add_argument("id", metavar="ID", help="the 8 characters after `scry_ing_` or `scry_qry_`")
    client = commands.add("register-client", _register_client, "Make an OAuth client that people are not warned of.")
    client.add_argument("--name", required=True, help="what people are told it is")
    client.add_argument(
        "--redirect-uri", required=True, action="append", metavar="URI", help="where answers go; may be repeated"
    )


def _add_people(commands: _Commands) -> None:
    commands.add("end-sessions", _end_sessions, "Sign a person out everywhere.", commands.of_person)
    commands.add(
        "take-away-second-factor",
        _take_away_second_factor,
        "Turn off the second factor of a person who lost it. Make sure who they are first: the password is left.",
        commands.of_person,
    )


def _add_erasing(commands: _Commands) -> None:
    erased = commands.add(
        "erase", _erase, "Erase an organisation or an account for good, in a quarter of an hour, and prove it."
    )
    which = erased.add_mutually_exclusive_group(required=True)
    which.add_argument("--org", metavar="SLUG", help="an organisation, with all its projects")
    which.add_argument("--user", metavar="ADDRESS", help="an account; by its id where it is deleted already")
    erased.add_argument("--yes", action="store_true", help="do not ask for the name once more")
    erased.add_argument("--no-wait", action="store_true", help="end after the first passes; again for the receipt")


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 3650):
        raise argparse.ArgumentTypeError(f"must be a number of days from 1 to 3650, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10**12):
        raise argparse.ArgumentTypeError(f"must be a number of events from 1 on, not {text!r}")
    return int(text)


def _create_tables(_: argparse.Namespace) -> dict[str, Any]:
    from chalicelib.storage.tables.creation import create_tables
    from chalicelib.storage.tables.models import MODELS

    create_tables()
    return {"tables": [model.Meta.table_name for model in MODELS]}


def _create_project(given: argparse.Namespace) -> dict[str, Any]:
    org = NewOrg(given.org, given.org_name or given.org)
    project = NewProject(given.project, given.project_name or given.project, given.retention_days)
    created = accounts.create_project(org, project, now=_now())
    made = project_by_id(created.org, created.project)
    return {
        "org": given.org,
        "project": given.project,
        "retention_days": made.retention_days if made else None,
        "ingest_key": created.ingest_key.text,
        "query_key": created.query_key.text,
    }


def _list_projects(given: argparse.Namespace) -> dict[str, Any]:
    return {"projects": [_described(project) for project in projects_of(_org(given).org)]}


def _show_plan(given: argparse.Namespace) -> dict[str, Any]:
    org = _org(given)
    return {
        "org": org.slug,
        "plan": org.plan.name,
        "retention_days": org.plan.retention_days,
        "events_a_day": org.plan.events_a_day,
        "projects": [_described(project) for project in projects_of(org.org)],
    }


def _set_plan(given: argparse.Namespace) -> dict[str, Any]:
    org, plan = _org(given), _plan(given)
    shorter = [move for move in plan_changes.moves(org.org, plan) if move.shortens]
    if shorter and not given.shorten:
        lost = ", ".join(map(_loss, shorter))
        raise PlanRefused(f"this would shorten windows, and delete what is older: {lost}. Add --shorten if it is meant")
    plan_changes.set_plan(org.org, plan, now=_now())
    return _show_plan(given)


def _plan(given: argparse.Namespace) -> Plan:
    if given.plan != "custom":
        if given.retention_days is not None or given.events_a_day is not None:
            raise PlanRefused(f"the plan {given.plan} has its own numbers: say --plan custom for others")
        return plans.named(given.plan)
    if given.retention_days is None:
        raise PlanRefused("a custom plan needs --retention-days")
    return Plan("custom", given.retention_days, given.events_a_day)


def _loss(move: Move) -> str:
    """`shop from 30 to 7 days (1204 events)`."""
    from chalicelib.events.query.loss import loss
    from chalicelib.events.scope import Scope

    it = move.project
    scope = Scope(it.org, it.project, it.retention_days, it.shards, it.kept_from)
    goes = loss(scope, move.days, now_ms=_now() * 1000, deadline=time.monotonic() + COUNTING_SECONDS)
    least = "" if goes.exact else "at least "
    return f"{it.slug} from {it.retention_days} to {move.days} days ({least}{goes.events} events)"


def _org(given: argparse.Namespace) -> Org:
    named = org_by_slug(given.org)
    found = org_by_id(named) if named else None
    if found is None:
        raise NotThere(f"there is no organisation {given.org!r}")
    return found


def _create_key(given: argparse.Namespace) -> dict[str, Any]:
    org, project = _place(given)
    key = key_ring.create_key(
        org, project, given.kind, by=Operator(), label=given.label, lifetime_days=given.lifetime_days, now=_now()
    )
    return {"kind": key.kind, "id": key.key_id, "key": key.text}


def _list_keys(given: argparse.Namespace) -> dict[str, Any]:
    found = key_ring.keys_of(*_place(given))
    return {
        "keys": [
            {"id": key.key_id, "kind": key.kind, "label": key.label, "created": _moment(key.created_at),
             "last used": _moment(key.last_used_at), "expires": _moment(key.expires_at)}
            for key in found
        ]
    }  # fmt: skip


def _revoke_key(given: argparse.Namespace) -> dict[str, Any]:
    key_ring.revoke_key(key_ring.key_by_id(given.id), by=Operator(), now=_now())
    return {"revoked": given.id}


def _register_client(given: argparse.Namespace) -> dict[str, Any]:
    from chalicelib.oauth import client_metadata, clients
    from chalicelib.oauth.errors import OAuthError

    try:
        metadata = client_metadata.checked({"client_name": given.name, "redirect_uris": given.redirect_uri})
    except OAuthError as refused:
        raise ClientRefused(refused.description) from refused
    made = clients.keep(metadata, "registered", now=_now())
    return {"client_id": made.client_id, "name": made.name, "redirect_uris": list(made.redirect_uris)}


def _end_sessions(given: argparse.Namespace) -> dict[str, Any]:
    sessions.end_all(_person(given), by=audit.OPERATOR, now=_now())
    return {"signed out": given.email}


def _take_away_second_factor(given: argparse.Namespace) -> dict[str, Any]:
    second_factor.take_away(_person(given), by=audit.OPERATOR, now=_now())
    return {"second factor off, signed out": given.email}


def _erase(given: argparse.Namespace) -> dict[str, Any]:
    named = given.org or given.user
    if not given.yes and not _typed(named):
        raise NothingToErase("nothing was erased")
    act = erase_org if given.org else erase_account
    return act(named, wait=not given.no_wait, say=_say)


def _typed(named: str) -> bool:
    """Whether somebody types exactly this. Nobody at the terminal is a no."""
    _say(f"This erases {named} for good, with everything in it. Export first what shall be kept.")
    try:
        return input(f"Type `{named}` to go on: ") == named
    except EOFError:
        return False


def _say(text: str) -> None:
    """What goes on, beside the result."""
    print(text, file=sys.stderr, flush=True)


def _person(given: argparse.Namespace) -> User:
    found = users.by_email(given.email)
    if found is None:
        raise NotThere(f"there is no account of {given.email!r}")
    return found


def _place(given: argparse.Namespace) -> tuple[OrgId, ProjectId]:
    found = ids_of(given.org, given.project)
    if found is None or project_by_id(*found) is None:
        raise NotThere(f"there is no project {given.project!r} in an organisation {given.org!r}")
    return found


def _described(project: Project) -> dict[str, Any]:
    return {"project": project.slug, "name": project.name, "retention_days": project.retention_days}


def _store_trouble(failure: Exception) -> str:
    if isinstance(failure, RequestRefused) and failure.code == "ResourceNotFoundException":
        return "The tables are not there. This creates them: python -m infra.admin create-tables"
    endpoint = settings.current().dynamodb_endpoint or f"DynamoDB in {settings.current().region}"
    return f"{endpoint} did not do it: {failure}"


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def _moment(seconds: int | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds is not None else None


def _text(result: Mapping[str, Any]) -> str:
    """`name  value` by line; lists by one line each."""
    lines: list[str] = []
    for name, value in result.items():
        if isinstance(value, list):
            lines += ["  ".join(map(str, row.values())) if isinstance(row, dict) else str(row) for row in value]
        else:
            lines.append(f"{name:15} {'no limit' if value is None else value}")
    return "\n".join(lines) or "none"


def _sentence(refusal: Exception) -> str:
    text = str(refusal)
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))


if __name__ == "__main__":
    sys.exit(main())
