"""The audit logs in words: an organisation's, where ids become the names of who and what, and a person's own."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Final
from urllib.parse import urlencode

from chalicelib.identity import members, users
from chalicelib.identity.permissions import Permission
from chalicelib.identity.projects import projects_of
from chalicelib.ids import UserId
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_org, org_path
from chalicelib.routes.pages.views import people
from chalicelib.routes.pages.views.forms import Form
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor, Entry, Fact
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

DAY: Final = 86_400

ACTIONS: Final = (
    ("", "Every action"), ("key", "Keys"), ("grant", "Connections"), ("member", "Members"),
    ("invitation", "Invitations"), ("project", "Projects"), ("view", "Saved views"), ("pattern", "Patterns"),
    ("deploy", "Deploys"), ("org", "Organisation"), ("ownership", "Ownership"),
)  # fmt: skip

OWN: Final = "/account/log"
OWN_ACTIONS: Final[Mapping[str, str]] = {
    "account.create": "The account was made",
    "account.delete": "The account was deleted",
    "account.rename": "You changed your name",
    "account.email": "The address of the account changed",
    "password.change": "The password was changed",
    "password.reset": "The password was set by a mailed link",
    "session.begin": "Signed in",
    "session.prove-again": "The password was given once more",
    "session.renew": "A session got a new id, since somebody gave you a higher role",
    "session.end": "A session was signed out",
    "session.end-others": "All other sessions were signed out",
    "session.end-all": "All sessions were signed out",
    "factor.enrol": "Setting up a second factor began",
    "factor.on": "The second factor was turned on",
    "factor.off": "The second factor was turned off",
    "factor.use": "A code of the authenticator app was used",
    "factor.recover": "A recovery code was used",
    "factor.recovery-codes": "New recovery codes were made",
}

routes = Routes(__name__, PAGE_PROBLEMS)


@routes.page("/orgs/{org}/audit", permission=Permission.AUDIT_READ)
def audit_log(request: Request, principal: PersonPrincipal) -> Answer:
    """Who did what, when, from what to what."""
    org = principal.org.org
    asked = {name: request.query.get(name, "") for name in ("actor", "action", "since", "until")}
    wanted, errors = _filter(asked)
    people_here = members.people_of(org, deadline=request.deadline)
    names = {person.member.user.hex(): person.name for person in people_here}
    known = names | {project.project.hex(): project.name for project in projects_of(org)}
    known[org.hex()] = principal.org.name
    cursor = request.query.get("cursor") or None
    found = audit.search(org, wanted, cursor=cursor, deadline=request.deadline)
    gone = _who_left(found.data, names, deadline=request.deadline)
    known |= gone
    view = people.AuditLog(
        crumbs=at_org(principal), here=f"{org_path(principal)}/audit",
        actors=(("", "Everybody"), *names.items(), *gone.items(), ("operator", "Operators")), actions=ACTIONS,
        form=Form(values=asked, errors=errors), entries=tuple(_row(entry, known) for entry in found.data),
        next=urlencode({**asked, "cursor": found.next_cursor}) if found.next_cursor else "",
    )  # fmt: skip
    return shown(request, principal, view)


@routes.page(OWN, permission=Permission.ACCOUNT_READ)
def own_log(request: Request, principal: PersonPrincipal) -> Answer:
    """What happened to somebody's own account."""
    cursor = request.query.get("cursor") or None
    found = audit.search_personal(principal.user, audit.Filter(), cursor=cursor, deadline=request.deadline)
    view = people.OwnLog(
        here=OWN, entries=tuple(_own_row(entry) for entry in found.data),
        next=urlencode({"cursor": found.next_cursor}) if found.next_cursor else "",
    )  # fmt: skip
    return shown(request, principal, view)


def _own_row(entry: Entry) -> people.EntryRow:
    by = "the operator" if entry.actor == audit.OPERATOR else "you"
    return people.EntryRow(entry.at, by, OWN_ACTIONS.get(entry.action, entry.action), "", _changes(entry, {}))


def _who_left(entries: Iterable[Entry], members: Mapping[str, str], *, deadline: float) -> dict[str, str]:
    """Names by id of the people in these entries who are not members, where they still have an account."""
    found = {}
    for user in {each for entry in entries for each in _people_of(entry)} - members.keys():
        person = users.by_id(UserId(bytes.fromhex(user)), deadline=deadline)
        if person is not None:
            found[user] = f"{person.name}, who left"
    return found


def _people_of(entry: Entry) -> Iterable[str]:
    if entry.actor.kind == "person":
        yield entry.actor.id
    if entry.action.startswith(("member.", "ownership.")):
        yield entry.target


def _filter(asked: Mapping[str, str]) -> tuple[audit.Filter, dict[str, str]]:
    errors: dict[str, str] = {}
    since = _day(asked["since"], "since", errors)
    until = _day(asked["until"], "until", errors)
    known = {value for value, _ in ACTIONS}
    wanted = audit.Filter(
        actor=asked["actor"][:64], action=asked["action"] if asked["action"] in known else "", since=since or 0,
        until=until + DAY if until else audit.Filter().until,
    )  # fmt: skip
    return wanted, errors


def _day(text: str, field: str, errors: dict[str, str]) -> int | None:
    """The first second of a day, in UTC."""
    if not text:
        return None
    try:
        return max(0, int(datetime.combine(date.fromisoformat(text), time(), UTC).timestamp()))
    except ValueError:
        errors[field] = "This is no day. Write it as 2026-11-23."
        return None


def _row(entry: Entry, known: Mapping[str, str]) -> people.EntryRow:
    return people.EntryRow(
        entry.at, _actor(entry.actor, known), entry.action, _target(entry, known), _changes(entry, known)
    )


def _changes(entry: Entry, known: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    names = sorted({*entry.before, *entry.after})
    return tuple(
        (name, _fact(name, entry.before.get(name), known), _fact(name, entry.after.get(name), known)) for name in names
    )


def _target(entry: Entry, known: Mapping[str, str]) -> str:
    """What was changed, by its name now; where it has none, by what the entry itself calls it."""
    calls_it = _CALLED.get(entry.action.partition(".")[0], "")
    called = {**entry.before, **entry.after}.get(calls_it)
    return known.get(entry.target) or str(called or _named(entry.target, known))


def _actor(actor: Actor, known: Mapping[str, str]) -> str:
    return known.get(actor.id, f"{actor.kind} {actor.id[:8]}".strip())


def _named(text: str, known: Mapping[str, str]) -> str:
    """The name of what an id is of; the beginning of the id, where that is gone."""
    return known.get(text) or (f"{text[:8]}…" if _ID.fullmatch(text) else text)


def _fact(name: str, fact: Fact, known: Mapping[str, str]) -> str:
    match fact:
        case None:
            return ""
        case bool():
            return "yes" if fact else "no"
        case int() if name.endswith("_at"):
            return f"{datetime.fromtimestamp(fact, UTC):%-d %b %Y, %H:%M} UTC"
        case _:
            return _named(str(fact), known)


_CALLED: Final = {"grant": "name", "invitation": "email", "project": "name"}
"""By noun, the fact that people know such a thing by."""

_ID: Final = re.compile(r"[0-9a-f]{16,}")
