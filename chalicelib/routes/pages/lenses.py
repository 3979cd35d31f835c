"""Saved views of a project: a question that the explorer was asked gets a name, and the list of those that have one."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.identity import users, views
from chalicelib.identity.names import NameRefused
from chalicelib.identity.permissions import Permission
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.views import (
    LONGEST_STATE,
    Kind,
    NewView,
    TooManyViews,
    View,
    ViewNameTaken,
    Views,
    ViewsChanged,
    may_change,
)
from chalicelib.ids import UserId, ViewId
from chalicelib.routes.pages.explore.asked import Asked
from chalicelib.routes.pages.explore.kept import StateRefused, asked_by, check_question, in_words, read_state
from chalicelib.routes.pages.fields import WHOLE, Name, Nothing, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.routes.pages.views.lenses import Lenses, LensRow, NewLens
from chalicelib.routes.views import view_named
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

VIEWS: Final = "/orgs/{org}/projects/{project}/views"
NEW: Final = VIEWS + "/new"
VIEW: Final = VIEWS + "/{view}"
READ: Final = Permission.ORG_READ
WRITE: Final = Permission.VIEWS_WRITE

KINDS: Final = (
    ("own", "For me", "only you see it"),
    ("shared", "For everyone", "all members of the organisation see it in this project"),
)
SAVED: Final = {
    "renamed": "The view is renamed.",
    "replaced": "The view asks something else now.",
    "deleted": "The view is deleted. Whoever has its address can still open that.",
}

State = Annotated[str, Meta(max_length=LONGEST_STATE)]

routes = Routes(__name__, PAGE_PROBLEMS)


class NewLensForm(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    kind: Literal["own", "shared"]
    state: State = ""


class Replacement(Struct, frozen=True, forbid_unknown_fields=True):
    view: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    state: State = ""


class NewName(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name


@routes.page(VIEWS, permission=READ)
def list_views(request: Request, principal: PersonPrincipal) -> Answer:
    """The saved views of a project: one's own, and those for everyone."""
    told = SAVED.get(request.query.get("saved", ""))
    return _list_page(request, principal, told=saved(told) if told else BLANK)


@routes.page(NEW, permission=READ)
def new_view(request: Request, principal: PersonPrincipal) -> Answer:
    """Asks for the name of a question, which is the page's own address."""
    return _new_page(request, principal, request.query_text)


def _save_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _new_page(request, principal, _sent_state(request), form=again(wrong), status=422)


@routes.form(VIEWS, permission=WRITE, again=_save_again, shown_at=NEW, body=NewLensForm)
def save(request: Request, principal: PersonPrincipal) -> Answer:
    """Saves a view, and goes back to what it shows."""
    given = bodies.form_body(request, NewLensForm)
    mistakes = {
        NameRefused: "name", ViewNameTaken: "name", StateRefused: WHOLE, TooManyViews: WHOLE, ViewsChanged: WHOLE,
    }  # fmt: skip
    with beside(given, mistakes):
        new = NewView(given.name, read_state(given.state, request))
        views.save_view(
            principal.project.project, given.kind, new, by=principal.member, now=request.now,
            deadline=request.deadline,
        )  # fmt: skip
    return responses.see_other(address(f"{project_path(principal)}/explore?{new.state}"))


def _replace_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _new_page(request, principal, _sent_state(request), replacing=again(wrong), status=422)


@routes.form(VIEWS + "/replace", permission=WRITE, again=_replace_again, shown_at=NEW, body=Replacement)
def put_in_place(request: Request, principal: PersonPrincipal) -> Answer:
    """Lets a view ask something else from now on."""
    given = bodies.form_body(request, Replacement)
    kind, seen = _views(request, principal).named(ViewId(bytes.fromhex(given.view)))
    with beside(given, {StateRefused: WHOLE, RoleRefused: "view", ViewsChanged: WHOLE}):
        new = NewView(seen.name, read_state(given.state, request))
        views.edit_view(
            principal.project.project, kind, seen, new, by=principal.member, now=request.now,
            deadline=request.deadline,
        )  # fmt: skip
    return _saved(principal, "replaced")


def _list_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    form = again(wrong)
    if "name" in form.errors:
        return _list_page(request, principal, form=form, status=422)
    return _list_page(request, principal, told=form, status=422)


@routes.form(VIEW + "/name", permission=WRITE, again=_list_again, shown_at=VIEWS, body=NewName)
def rename(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a view another name."""
    given = bodies.form_body(request, NewName)
    kind, seen = view_named(request, principal)
    with beside(given, {NameRefused: "name", ViewNameTaken: "name", RoleRefused: WHOLE, ViewsChanged: WHOLE}):
        views.edit_view(
            principal.project.project, kind, seen, NewView(given.name, seen.state), by=principal.member,
            now=request.now, deadline=request.deadline,
        )  # fmt: skip
    return _saved(principal, "renamed")


@routes.form(VIEW + "/delete", permission=WRITE, again=_list_again, shown_at=VIEWS)
def delete(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes a view."""
    kind, seen = view_named(request, principal)
    with beside(Nothing(), {RoleRefused: WHOLE, ViewsChanged: WHOLE}):
        views.delete_view(
            principal.project.project, kind, seen, by=principal.member, now=request.now, deadline=request.deadline
        )
    return _saved(principal, "deleted")


# --- pages ------------------------------------------------------------------------------------------------------------


def _list_page(
    request: Request, principal: PersonPrincipal, *, form: Form = BLANK, told: Form = BLANK, status: int = 200
) -> Answer:
    found = _views(request, principal)
    names = _names(found.shared, request)
    own, shared = (
        tuple(_row(request, principal, kind, each, names) for each in found.of_kind(kind)) for kind in views.KINDS
    )
    named = request.parameters.get("view", "")
    view = Lenses(
        crumbs=at_project(principal), here=f"{project_path(principal)}/views", project=project_path(principal),
        own=_with_form(own, named, form), shared=_with_form(shared, named, form), saved=told,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _with_form(rows: tuple[LensRow, ...], named: str, form: Form) -> tuple[LensRow, ...]:
    """With what was typed, in the row that it was typed in."""
    return tuple(replace(each, form=form) if form.errors and each.id == named else each for each in rows)


def _row(
    request: Request, principal: PersonPrincipal, kind: Kind, view: View, names: Mapping[UserId, str]
) -> LensRow:  # fmt: skip
    query, about, wrong = _told(view.state, request)
    by = "" if kind == "own" else names.get(view.user, "") if view.user else "somebody who left"
    return LensRow(
        id=view.id.hex(), name=view.name, next=view.state, query=query, about=about,
        address=f"{settings.current().url.rstrip('/')}{project_path(principal)}/explore?{view.state}",
        at=view.changed_at, by=by, may_change=may_change(kind, view, principal.member), wrong=wrong,
        form=Form(values={"name": view.name}),
    )  # fmt: skip


def _new_page(
    request: Request, principal: PersonPrincipal, text: str, *, form: Form = BLANK, replacing: Form = BLANK,
    status: int = 200,
) -> Answer:  # fmt: skip
    here = f"{project_path(principal)}/views"
    query, about, wrong = _told(text, request)
    state = "" if wrong else read_state(text, request)
    found, by = _views(request, principal), principal.member
    others = tuple(
        (each.id.hex(), each.name if kind == "own" else f"{each.name} (for everyone)")
        for kind in views.KINDS
        for each in found.of_kind(kind)
        if may_change(kind, each, by)
    )
    view = NewLens(
        crumbs=(*at_project(principal), ("Views", here)), here=here, project=project_path(principal), next=state,
        query=query, about=about, wrong=wrong, kinds=KINDS, others=others, form=form, replacing=replacing,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _told(text: str, request: Request) -> tuple[str, str, str]:
    """A question in words, and what is wrong with it."""
    asked = Asked()
    try:
        asked = asked_by(text, request)
        check_question(asked, request)
        read_state(text, request)
    except StateRefused as refused:
        return *in_words(asked), str(refused)
    return *in_words(asked), ""


def _sent_state(request: Request) -> str:
    return bodies.form_fields(request).get("state", "")


def _views(request: Request, principal: PersonPrincipal) -> Views:
    return views.views_of(principal.member, principal.project.project, deadline=request.deadline)


def _names(shared: tuple[View, ...], request: Request) -> dict[UserId, str]:
    makers = {each.user for each in shared if each.user}
    known = (users.by_id(maker, deadline=request.deadline) for maker in makers)
    return {user.user: user.name for user in known if user}


def _saved(principal: PersonPrincipal, what: str) -> Answer:
    return responses.see_other(address(f"{project_path(principal)}/views?saved={what}"))
