"""Deleting a project, an organisation or an account: what goes is shown before, and the name is typed to mean it."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.events.query.loss import loss
from chalicelib.identity import deletion, grants, invitations, key_ring, views
from chalicelib.identity.deletion import OnlyOwner, TooManyMemberships
from chalicelib.identity.membership import members_of
from chalicelib.identity.orgs import SettingsChanged
from chalicelib.identity.permissions import Permission
from chalicelib.identity.projects import projects_of
from chalicelib.routes.pages.deletions import OWN_DELETIONS
from chalicelib.routes.pages.explore.wording import many
from chalicelib.routes.pages.fields import WHOLE, again, beside
from chalicelib.routes.pages.orgs import SETTINGS as ORG_SETTINGS
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.projects import SETTINGS as PROJECT_SETTINGS
from chalicelib.routes.pages.trail import at_org, at_project, org_path, project_path
from chalicelib.routes.pages.views import start
from chalicelib.routes.pages.views.deletions import Delete
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.pages.windows import COUNTING_SECONDS
from chalicelib.routes.scope import scope_of
from chalicelib.storage import audit
from chalicelib.web import bodies, cookies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.headers import SIGNED_OUT
from chalicelib.web.pages import Somebody, shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

PROJECT: Final = PROJECT_SETTINGS + "/delete"
ORG: Final = ORG_SETTINGS + "/delete"
ACCOUNT: Final = "/account/delete"
GOODBYE: Final = "/deleted"

ONLY_OWNERS: Final = "Owners can do this."
COPIES: Final = (
    "Where it runs on AWS, copies of the tables of accounts, for the case that one is lost, forget it after 7 days."
    " Of events there are none."
)

routes = Routes(__name__, PAGE_PROBLEMS)


class Meant(Struct, frozen=True, forbid_unknown_fields=True):
    """The name, typed to mean it, and the version of the settings as they were when it was shown what goes."""

    name: Annotated[str, Meta(max_length=254)] = ""
    version: Annotated[int, Meta(ge=0, le=1 << 40)] = 0


# --- a project --------------------------------------------------------------------------------------------------------


@routes.page(PROJECT, permission=Permission.ORG_READ, fresh=True)
def project(request: Request, principal: PersonPrincipal) -> Answer:
    """What goes with a project."""
    return _project_page(request, principal, BLANK)


def _project_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _project_page(request, principal, again(wrong), status=422)


@routes.form(PROJECT, permission=Permission.PROJECTS_DELETE, fresh=True, again=_project_again, body=Meant)
def delete_project(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes a project for good."""
    it = principal.project
    _check_meant(bodies.form_body(request, Meant), it.name, it.version)
    deletion.delete_project(it, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"{org_path(principal)}/deletions?saved=project"))


def _project_page(request: Request, principal: PersonPrincipal, form: Form, *, status: int = 200) -> Answer:
    it, here = principal.project, f"{project_path(principal)}/settings"
    goes = loss(scope_of(principal), 0, now_ms=request.now_ms, deadline=request.deadline_within(COUNTING_SECONDS))
    least = "" if goes.exact else "at least "
    keys = key_ring.keys_of(it.org, it.project, deadline=request.deadline)
    apps = grants.grants_of_project(it.org, it.project, now=request.now, deadline=request.deadline)
    saved_views = views.views_in(it.org, it.project, deadline=request.deadline)
    view = Delete(
        title=f"Delete {it.name}", crumbs=(*at_project(principal), ("Settings", here)), here=f"{here}/delete",
        name=it.name, typed="the name of the project",
        facts=(
            ("Events", f"{least}{many(goes.events, 'event')}, with their patterns, deploys and counts"),
            ("Keys", many(len(keys), "key")), ("Connections", many(len(apps), "app")),
            ("Saved views", f"{many(saved_views, 'view')}, of all members"),
        ),
        ends=(
            "At once it is on no page and in no answer: search, patterns, exports, assistants.",
            "Its keys and connections end with the next request. What is sent with one of its keys is refused.",
            "Then it is erased for good. Nothing brings it back.",
        ),
        stays=(
            f"Its address, “{it.slug}”, which no other project here gets.",
            "In the audit log, who did what and when, without names and details.",
            "A receipt of how much was deleted, once nothing is left.", COPIES,
        ),
        first=(("Export its events first", f"{project_path(principal)}/explore?from={goes.start}&to={goes.end}"),),
        refusal="" if Permission.PROJECTS_DELETE in principal.may else ONLY_OWNERS, version=it.version, form=form,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


# --- an organisation --------------------------------------------------------------------------------------------------


@routes.page(ORG, permission=Permission.ORG_READ, fresh=True)
def org(request: Request, principal: PersonPrincipal) -> Answer:
    """What goes with an organisation."""
    return _org_page(request, principal, BLANK)


def _org_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _org_page(request, principal, again(wrong), status=422)


@routes.form(ORG, permission=Permission.ORG_DELETE, fresh=True, again=_org_again, body=Meant)
def delete_org(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes an organisation for good, with all its projects."""
    it = principal.org
    _check_meant(bodies.form_body(request, Meant), it.name, it.version)
    deletion.delete_org(it, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"{OWN_DELETIONS}?org={it.org.hex()}"))


def _org_page(request: Request, principal: PersonPrincipal, form: Form, *, status: int = 200) -> Answer:
    it, here, deadline = principal.org, f"{org_path(principal)}/settings", request.deadline
    listed = projects_of(it.org, deadline=deadline)
    open_ones = invitations.invitations_of(it.org, now=request.now, deadline=deadline)
    view = Delete(
        title=f"Delete {it.name}", crumbs=(*at_org(principal), ("Settings", here)), here=f"{here}/delete",
        name=it.name, typed="the name of the organisation",
        facts=(
            ("Projects", f"{many(len(listed), 'project')}, with their events and all that is made of them"),
            ("Keys", many(key_ring.count_in(it.org, deadline=deadline), "key")),
            ("Members", many(len(members_of(it.org, deadline=deadline)), "membership")),
            ("Invitations", many(len(open_ones), "open invitation")),
        ),
        ends=(
            "At once everybody loses access, you too. Their accounts and their other organisations stay.",
            "Keys and connections of all its projects end with the next request.",
            "Then all of it is erased for good, the audit log too. Nothing brings it back.",
        ),
        stays=(
            f"Its address, “{it.slug}”, which no other organisation gets.",
            "A receipt of how much was deleted, once nothing is left.", COPIES,
        ),
        first=tuple((f"Export {each.name} first", f"{org_path(principal)}/projects/{each.slug}") for each in listed),
        refusal="" if Permission.ORG_DELETE in principal.may else ONLY_OWNERS, version=it.version, form=form,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


# --- an account -------------------------------------------------------------------------------------------------------


@routes.page(ACCOUNT, permission=Permission.ACCOUNT_READ, fresh=True)
def account(request: Request, principal: PersonPrincipal) -> Answer:
    """What goes with one's account."""
    return _account_page(request, principal, BLANK)


def _account_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _account_page(request, principal, again(wrong), status=422)


@routes.form(ACCOUNT, permission=Permission.ACCOUNT_WRITE, fresh=True, again=_account_again, body=Meant)
def delete_account(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes one's account for good."""
    given, user = bodies.form_body(request, Meant), principal.session.user
    _check_meant(given, user.email, given.version)
    with beside(given, {OnlyOwner: WHOLE, TooManyMemberships: WHOLE}):
        deletion.delete_account(user, by=audit.person(user.user), now=request.now, deadline=request.deadline)
    gone = cookies.dropped(cookies.SESSION), cookies.dropped(cookies.DEVICE)
    return responses.see_other(address(GOODBYE), cookies=gone, headers=SIGNED_OUT)


@routes.page(GOODBYE, permission=Permission.PUBLIC)
def goodbye(request: Request, principal: Somebody) -> Answer:
    """Says that an account is deleted."""
    view = start.Told(
        title="Your account is deleted",
        sentences=(
            "You are signed out everywhere, and nothing signs in with it any more.",
            "All of it is being erased for good, which takes a quarter of an hour or more.",
            "Whoever runs this deployment can show you the receipt of it then.",
            "You can sign up again with the same address, as somebody new.",
        ),
        links=(("The first page", "/"),),
    )
    return shown(request, principal, view)


def _account_page(request: Request, principal: PersonPrincipal, form: Form, *, status: int = 200) -> Answer:
    user, deadline = principal.session.user, request.deadline
    held = deletion.memberships(user.user, deadline=deadline)
    kept = deletion.orgs_only_owned_by(user.user, deadline=deadline)
    apps = grants.grants_of_person(user.user, now=request.now, deadline=deadline)
    names = ", ".join(org.name for org, _ in held)
    view = Delete(
        title="Delete your account", crumbs=(("Your account", "/account"),), here=ACCOUNT, name=user.email,
        typed="your e-mail address",
        facts=(
            ("Account", f"{user.name}, {user.email}"),
            ("Memberships", f"{many(len(held), 'organisation')}{': ' if held else ''}{names}"),
            ("Connections", many(len(apps), "app")),
        ),
        ends=(
            "At once you are signed out everywhere, and nothing signs in with it any more.",
            "As with leaving: query keys that you made and apps that you let in end, your own saved views go.",
            "Ingest keys that you made go on, marked for rotation.",
            "Then all of it is erased for good: sessions, devices, second factor, log. Nothing brings it back.",
        ),
        stays=(
            "Organisations, their projects and events: these are not yours alone.",
            "In their audit logs, a number in place of your name.",
            "A receipt of how much was deleted, once nothing is left.", COPIES,
        ),
        first=tuple(
            way for org in kept
            for way in (
                (f"Make somebody else an owner of {org.name}", f"/orgs/{org.slug}/members"),
                (f"Or delete {org.name}", f"/orgs/{org.slug}/settings/delete"),
            )
        ),
        refusal=str(OnlyOwner(kept)) if kept else "", form=form,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _check_meant(given: Meant, name: str, version: int) -> None:
    """Raises `FormWrong` where something else was typed, or something changed since it was shown what goes."""
    if given.name.strip() != name:
        raise FormWrong({"name": f"That is not {name}. Nothing was deleted."}, {})
    if given.version != version:
        raise FormWrong({WHOLE: str(SettingsChanged())}, {})
