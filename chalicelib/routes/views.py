"""The saved views of a project over JSON: one's own, and those that its members share."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.identity import views
from chalicelib.identity.membership import Member
from chalicelib.identity.permissions import Permission
from chalicelib.identity.views import LONGEST_NAME, LONGEST_STATE, Kind, NewView, View, ViewUnknown
from chalicelib.ids import ViewId
from chalicelib.routes.orgs import CHANGE_REFUSALS, PROJECT, REFUSALS
from chalicelib.routes.pages.explore.kept import StateRefused, read_state
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.web import bodies, responses
from chalicelib.web.conditional import check_if_match, etag
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.problems import FieldWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

VIEWS: Final = PROJECT + "/views"
VIEW: Final = VIEWS + "/{view}"
READ: Final = Permission.ORG_READ
WRITE: Final = Permission.VIEWS_WRITE

Name = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, description="Another one than those of its list, in any case.")
]
State = Annotated[
    str, Meta(max_length=LONGEST_STATE, description="What stands behind the `?` of the explorer's address.")
]

routes = Routes(__name__, TENANT_PROBLEMS)


class ViewCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A new view: for oneself, or `shared` with all members."""

    name: Name
    state: State
    kind: Kind = "own"


class ViewChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a view is to be from now on."""

    name: Name
    state: State


class ViewView(Struct, frozen=True):
    """A saved view. `created_by` is who made a shared one, if they are still a member; `may_change`: whether one may
    change and delete it."""

    id: str
    kind: Kind
    name: str
    state: str
    created_at: int
    created_by: str | None
    changed_at: int
    version: int
    may_change: bool


class SavedViews(Struct, frozen=True):
    """The views that one sees in a project, by name: one's own, then those for everyone."""

    data: list[ViewView]


@routes.get(VIEWS, permission=READ, answers={200: SavedViews}, refusals=REFUSALS)
def list_views(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists the saved views of a project."""
    by = principal.member
    found = views.views_of(by, principal.project.project, deadline=request.deadline)
    shown = [_view(kind, each, by) for kind in views.KINDS for each in found.of_kind(kind)]
    return responses.json(SavedViews(shown))


@routes.post(VIEWS, permission=WRITE, body=ViewCreation, answers={201: ViewView}, refusals=CHANGE_REFUSALS)
def save_view(request: Request, principal: PersonPrincipal) -> Answer:
    """Saves a view."""
    given = bodies.json_body(request, ViewCreation)
    new = NewView(given.name, _read(given.state, request))
    saved = views.save_view(
        principal.project.project, given.kind, new, by=principal.member, now=request.now, deadline=request.deadline
    )
    return _shown(_view(given.kind, saved, principal.member), status=201)


@routes.get(VIEW, permission=READ, answers={200: ViewView}, refusals=REFUSALS)
def get_view(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a saved view. Its `ETag` is what `If-Match` of a change may name."""
    return _shown(_view(*view_named(request, principal), principal.member))


@routes.put(VIEW, permission=WRITE, body=ViewChange, answers={200: ViewView}, refusals=CHANGE_REFUSALS)
def edit_view(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a view another name and question. One that somebody else shared takes `projects:write` too."""
    given = bodies.json_body(request, ViewChange)
    kind, seen = view_named(request, principal)
    check_if_match(request, _view(kind, seen, principal.member))
    new = NewView(given.name, _read(given.state, request))
    changed = views.edit_view(
        principal.project.project, kind, seen, new, by=principal.member, now=request.now, deadline=request.deadline
    )
    return _shown(_view(kind, changed, principal.member))


@routes.delete(VIEW, permission=WRITE, answers={204: None}, refusals=CHANGE_REFUSALS)
def delete_view(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes a view. One that somebody else shared takes `projects:write` too."""
    kind, seen = view_named(request, principal)
    check_if_match(request, _view(kind, seen, principal.member))
    views.delete_view(
        principal.project.project, kind, seen, by=principal.member, now=request.now, deadline=request.deadline
    )
    return responses.nothing()


def view_named(request: Request, principal: PersonPrincipal) -> tuple[Kind, View]:
    """The view of the path, if it is one that the person sees. Raises `ViewUnknown`."""
    try:
        named = ViewId(bytes.fromhex(request.parameters["view"]))
    except ValueError as error:
        raise ViewUnknown from error
    return views.views_of(principal.member, principal.project.project, deadline=request.deadline).named(named)


def _read(state: str, request: Request) -> str:
    try:
        return read_state(state, request)
    except StateRefused as refused:
        raise FieldWrong("state", f"`state` cannot be used. {refused}") from refused


def _shown(view: ViewView, *, status: int = 200) -> Answer:
    return responses.json(view, status=status, headers={"ETag": etag(view)})


def _view(kind: Kind, view: View, by: Member) -> ViewView:
    return ViewView(
        id=view.id.hex(), kind=kind, name=view.name, state=view.state, created_at=view.created_at * 1000,
        created_by=view.user.hex() if view.user else None, changed_at=view.changed_at * 1000, version=view.version,
        may_change=views.may_change(kind, view, by),
    )  # fmt: skip
