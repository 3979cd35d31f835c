"""The keys of a project: listed, made, rotated and revoked. A key's text is on the one page that answers its making."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from chalicelib import settings
from chalicelib.identity import key_ring, users
from chalicelib.identity.api_keys import Kind
from chalicelib.identity.key_ring import KeyUnknown, ListedKey, TooManyKeys
from chalicelib.identity.names import NameRefused
from chalicelib.identity.permissions import Permission
from chalicelib.ids import UserId
from chalicelib.routes.pages.examples import curl
from chalicelib.routes.pages.fields import WHOLE, Name, Nothing, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import projects
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong, NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

KEYS: Final = "/orgs/{org}/projects/{project}/keys"
KEY: Final = KEYS + "/{key}"
READ: Final = Permission.KEYS_READ
WRITE: Final = Permission.KEYS_WRITE
HOUR: Final = 3600

PREFIXES: Final[Mapping[Kind, str]] = {"ingest": "scry_ing_", "query": "scry_qry_"}
USES: Final[Mapping[Kind, str]] = {"ingest": "sending", "query": "asking"}
KINDS: Final = (
    ("ingest", "Ingest", "sends events and reads nothing: for applications, browsers and devices"),
    ("query", "Query", "reads events and sends nothing: for programs that ask"),
)
LIFETIMES: Final = (("", "Never"), ("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year"))
OVERLAPS: Final = (("24", "day"), ("1", "hour"), ("168", "week"), ("720", "30 days"))
"""The first is what is meant where nothing is said."""

routes = Routes(__name__, PAGE_PROBLEMS)


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    label: Name
    kind: Literal["ingest", "query"]
    lifetime: Annotated[int, Meta(ge=1, le=3650)] | None = None


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    overlap: Annotated[int, Meta(ge=1, le=720)]
    lifetime: Annotated[int, Meta(ge=1, le=3650)] | None = None


class NewLabel(Struct, frozen=True, forbid_unknown_fields=True):
    label: Name


@routes.page(KEYS, permission=READ)
def list_keys(request: Request, principal: PersonPrincipal) -> Answer:
    """The project's keys, without their text."""
    told = saved("The key is revoked: it is refused from now on.") if request.query.get("saved") == "revoked" else BLANK
    return _keys_page(request, principal, told=told)


def _create_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _keys_page(request, principal, form=again(wrong), status=422)


@routes.form(KEYS, permission=WRITE, fresh=True, again=_create_again, once=True, body=NewKey)
def create(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a key, and shows it this once."""
    given = bodies.form_body(request, NewKey)
    it = principal.project
    with beside(given, {NameRefused: "label", TooManyKeys: WHOLE}):
        made = key_ring.create_key(
            it.org, it.project, given.kind, by=principal.member, label=given.label, lifetime_days=given.lifetime,
            now=request.now, deadline=request.deadline,
        )  # fmt: skip
    return shown(request, principal, _made(principal, given.kind, given.label, made.text))


@routes.page(KEY, permission=READ)
def key(request: Request, principal: PersonPrincipal) -> Answer:
    """One key: what is known of it, and what ending it breaks."""
    told = saved("The key has another label.") if request.query.get("saved") == "label" else BLANK
    return _key_page(request, principal, told=told)


def _label_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _key_page(request, principal, label=again(wrong), status=422)


@routes.form(KEY + "/label", permission=WRITE, again=_label_again, shown_at=KEY, body=NewLabel)
def relabel(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a key another label."""
    given = bodies.form_body(request, NewLabel)
    it = _named(request, principal)
    with beside(given, {NameRefused: "label"}):
        key_ring.relabel_key(it, by=principal.member, label=given.label, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"{project_path(principal)}/keys/{it.key_id}?saved=label"))


def _key_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _key_page(request, principal, form=again(wrong), status=422)


@routes.form(KEY + "/rotate", permission=WRITE, fresh=True, again=_key_again, shown_at=KEY, once=True, body=Rotation)
def rotate(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a new key beside the old one, and shows it this once."""
    given = bodies.form_body(request, Rotation)
    old, seconds = _named(request, principal), given.overlap * HOUR
    with beside(given, {TooManyKeys: WHOLE}):
        made = key_ring.rotate_key(
            old, by=principal.member, overlap_seconds=seconds, lifetime_days=given.lifetime, now=request.now,
            deadline=request.deadline,
        )  # fmt: skip
    ends = min(request.now + seconds, old.expires_at or request.now + seconds)
    sentence = f"The old key works until {_moment(ends)}."
    return shown(request, principal, _made(principal, old.kind, old.label, made.text, sentence))


@routes.form(KEY + "/revoke", permission=WRITE, again=_key_again, shown_at=KEY, body=Nothing)
def revoke(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends a key."""
    bodies.form_body(request, Nothing)
    key_ring.revoke_key(_named(request, principal), by=principal.member, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"{project_path(principal)}/keys?saved=revoked"))


def _keys_page(
    request: Request, principal: PersonPrincipal, *, form: Form = BLANK, told: Form = BLANK, status: int = 200
) -> Answer:
    it = principal.project
    found = key_ring.keys_of(it.org, it.project, deadline=request.deadline)
    names = _names(found, request)
    view = projects.Keys(
        crumbs=at_project(principal), here=f"{project_path(principal)}/keys", may_write=WRITE in principal.may,
        keys=tuple(_row(each, names) for each in found), kinds=KINDS, lifetimes=LIFETIMES, form=form, saved=told,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _key_page(
    request: Request, principal: PersonPrincipal, *, form: Form = BLANK, label: Form | None = None,
    told: Form = BLANK, status: int = 200,
) -> Answer:  # fmt: skip
    found = _named(request, principal)
    here = f"{project_path(principal)}/keys"
    row = _row(found, _names([found], request))
    view = projects.Key(
        title=row.label, crumbs=(*at_project(principal), ("Keys", here)), here=f"{here}/{found.key_id}", key=row,
        overlaps=OVERLAPS, lifetimes=LIFETIMES, breaks=_breaks(found), may_write=WRITE in principal.may, form=form,
        label=label or Form(values={"label": found.label}), saved=told,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _named(request: Request, principal: PersonPrincipal) -> ListedKey:
    """The key that the URL names. One of another project is not told from none."""
    try:
        found = key_ring.key_by_id(request.parameters["key"], deadline=request.deadline)
    except KeyUnknown as error:
        raise NotFound from error
    if (found.org, found.project) != (principal.project.org, principal.project.project):
        raise NotFound
    return found


def _made(principal: PersonPrincipal, kind: Kind, label: str, text: str, sentence: str = "") -> projects.KeyMade:
    here = f"{project_path(principal)}/keys"
    url = settings.current().url
    asking = f"curl '{url}/api{project_path(principal)}/logs?since=1h' \\\n  -H 'Authorization: Bearer {text}'"
    return projects.KeyMade(
        crumbs=(*at_project(principal), ("Keys", here)), here=here, label=label, use=USES[kind], key=text,
        curl=curl(url, text) if kind == "ingest" else asking, sentence=sentence,
    )  # fmt: skip


def _breaks(key: ListedKey) -> str:
    does = "sends" if key.kind == "ingest" else "asks"
    used = f"it was last used around {_moment(key.last_used_at)}" if key.last_used_at else "it was never used"
    return f"Whatever {does} with it is refused from the next request on: {used}."


def _row(key: ListedKey, names: Mapping[UserId, str]) -> projects.KeyRow:
    by = names.get(key.created_by, "") if key.created_by else ""
    return projects.KeyRow(
        key.key_id, key.label or key.key_id, PREFIXES[key.kind] + key.key_id, USES[key.kind], key.created_at, by,
        key.last_used_at, key.expires_at, key.flagged,
    )  # fmt: skip


def _names(found: list[ListedKey], request: Request) -> dict[UserId, str]:
    makers = {key.created_by for key in found if key.created_by}
    known = (users.by_id(maker, deadline=request.deadline) for maker in makers)
    return {user.user: user.name for user in known if user}


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y, %H:%M} UTC"
