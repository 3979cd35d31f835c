"""What was deleted: how far its erasure is, and the receipts of what is gone."""

from collections.abc import Mapping
from typing import Final

from chalicelib.identity import members, projects
from chalicelib.identity.permissions import Permission
from chalicelib.ids import OrgId
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_org
from chalicelib.routes.pages.views.deletions import Deletions, Done, Running
from chalicelib.routes.pages.views.forms import BLANK, saved
from chalicelib.storage import audit, erasures
from chalicelib.storage.audit import Actor
from chalicelib.storage.erasures import QUIET_SECONDS, Erasure, Receipt, Subject
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

DELETIONS: Final = "/orgs/{org}/deletions"
OWN_DELETIONS: Final = "/account/deletions"
ORGANISATIONS: Final = (("Organisations", "/orgs"),)

KINDS: Final[Mapping[str, str]] = {
    "project": "Project", "window": "What a shorter window left of project", "org": "Organisation",
    "account": "Account",
}  # fmt: skip

routes = Routes(__name__, PAGE_PROBLEMS)


@routes.page(DELETIONS, permission=Permission.AUDIT_READ)
def deletions(request: Request, principal: PersonPrincipal) -> Answer:
    """What is being erased of an organisation, and the receipts of what is gone."""
    told = request.query.get("saved", "") == "project"
    people = members.people_of(principal.org.org, deadline=request.deadline)
    names = {person.member.user.hex(): person.name for person in people}
    found = _found(principal.org.org, names, request)
    view = Deletions(
        crumbs=at_org(principal), running=found[0], done=found[1],
        saved=saved("The project is deleted, and is being erased.") if told else BLANK,
    )  # fmt: skip
    return shown(request, principal, view)


@routes.page(OWN_DELETIONS, permission=Permission.ACCOUNT_READ)
def own_deletions(request: Request, principal: PersonPrincipal) -> Answer:
    """How far the erasure is of an organisation that one deleted oneself; of any other there is nothing to see."""
    org = _named(request)
    if org is None or not _asked_for(org, audit.person(principal.user), request):
        return shown(request, principal, Deletions(crumbs=ORGANISATIONS, running=(), done=()))
    running, done = _found(org, {principal.user.hex(): principal.session.user.name}, request)
    told = saved("The organisation is deleted, and is being erased. Keep this address to come back.")
    view = Deletions(crumbs=ORGANISATIONS, running=running, done=done, saved=told if running else BLANK)
    return shown(request, principal, view)


def _named(request: Request) -> OrgId | None:
    try:
        return OrgId(bytes.fromhex(request.query.get("org", "")))
    except ValueError:
        return None


def _asked_for(org: OrgId, who: Actor, request: Request) -> bool:
    """Whether that is an organisation which they deleted."""
    running = erasures.erasure_of(Subject("org", org), deadline=request.deadline)
    if running is not None:
        return running.by == who
    found = erasures.receipts_of(org, deadline=request.deadline)
    return any(each.subject.kind == "org" and each.by == who for each in found)


def _found(
    org: OrgId, names: Mapping[str, str], request: Request
) -> tuple[tuple[Running, ...], tuple[Done, ...]]:  # fmt: skip
    running = erasures.erasures_in(org, deadline=request.deadline)
    done = erasures.receipts_of(org, deadline=request.deadline)
    return tuple(_running(each, names, request) for each in running), tuple(_done(each, names) for each in done)


def _running(each: Erasure, names: Mapping[str, str], request: Request) -> Running:
    progress = each.progress
    return Running(
        _called(each.subject, request), each.asked_at, _by(each.by, names), progress.passes,
        _counted(progress.removed), each.asked_at + QUIET_SECONDS,
    )  # fmt: skip


def _done(each: Receipt, names: Mapping[str, str]) -> Done:
    what = f"{KINDS[each.subject.kind]} {(each.subject.project or each.subject.org).hex()}"
    return Done(what, each.asked_at, each.at, _by(each.by, names), each.passes, _counted(each.removed))


def _called(subject: Subject, request: Request) -> str:
    """By its name as long as there is one."""
    there = projects.tombstone(subject.org, subject.project, deadline=request.deadline) if subject.project else None
    return f"{KINDS[subject.kind]} {there.name if there else (subject.project or subject.org).hex()}"


def _by(who: Actor, names: Mapping[str, str]) -> str:
    if who.kind != "person":
        return f"the {who.kind}"
    return names.get(who.id, "somebody who left")


def _counted(removed: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(removed.items()) if count) or "nothing"
