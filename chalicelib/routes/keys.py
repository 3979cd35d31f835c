"""The keys of a project over JSON. A key's text is in the one answer that made it."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.identity import key_ring
from chalicelib.identity.api_keys import Kind, NewKey
from chalicelib.identity.key_ring import DAY, LONGEST_OVERLAP, ListedKey, key_by_id
from chalicelib.identity.names import LONGEST
from chalicelib.identity.permissions import Permission
from chalicelib.routes.orgs import CHANGE_REFUSALS, PROJECT, REFUSALS
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

KEYS: Final = PROJECT + "/keys"
KEY: Final = KEYS + "/{key}"
READ: Final = Permission.KEYS_READ
WRITE: Final = Permission.KEYS_WRITE

Label = Annotated[str, Meta(max_length=LONGEST, description="What it is for.")]
Lifetime = Annotated[int, Meta(ge=1, le=3650, description="For ever if left out.")]

routes = Routes(__name__, TENANT_PROBLEMS)


class KeyCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A new key: `ingest` keys send events, `query` keys read them, neither does what the other does."""

    kind: Kind
    label: Label = ""
    lifetime_days: Lifetime | None = None


class KeyRotation(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old key works beside the new one, and how long the new one."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP)] = DAY
    lifetime_days: Lifetime | None = None


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Another label for a key."""

    label: Label


class KeyView(Struct, frozen=True):
    """What may be shown of a key. `flagged`: somebody knows it who has left, so it is time to rotate it."""

    id: str
    prefix: str
    kind: Kind
    label: str
    created_at: int
    created_by: str | None
    last_used_at: int | None
    expires_at: int | None
    flagged: bool


class KeyCreated(Struct, frozen=True):
    """A new key, with the only copy of its text."""

    id: str
    kind: Kind
    key: str


class KeyList(Struct, frozen=True):
    """The keys of a project, the newest first."""

    data: list[KeyView]


@routes.get(KEYS, permission=READ, answers={200: KeyList}, refusals=REFUSALS)
def list_keys(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists the keys of a project."""
    project = principal.project
    found = key_ring.keys_of(project.org, project.project, deadline=request.deadline)
    return responses.json(KeyList([_view(key) for key in found]))


@routes.post(
    KEYS, permission=WRITE, fresh=True, body=KeyCreation, answers={201: KeyCreated}, refusals=CHANGE_REFUSALS
)  # fmt: skip
def create_key(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a key. This answer alone has its text."""
    given = bodies.json_body(request, KeyCreation)
    project = principal.project
    key = key_ring.create_key(
        project.org, project.project, given.kind, by=principal.member, label=given.label,
        lifetime_days=given.lifetime_days, now=request.now, deadline=request.deadline,
    )  # fmt: skip
    return _created(key)


@routes.patch(KEY, permission=WRITE, body=KeyChange, answers={200: KeyView}, refusals=CHANGE_REFUSALS)
def relabel_key(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a key another label."""
    given = bodies.json_body(request, KeyChange)
    key = _named(request, principal)
    key_ring.relabel_key(key, by=principal.member, label=given.label, now=request.now, deadline=request.deadline)
    return responses.json(_view(_named(request, principal)))


@routes.post(
    KEY + "/rotate", permission=WRITE, fresh=True, body=KeyRotation, answers={201: KeyCreated},
    refusals=CHANGE_REFUSALS,
)  # fmt: skip
def rotate_key(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a key that replaces another, which works on until the overlap ends. This answer alone has its text."""
    given = bodies.json_body(request, KeyRotation)
    key = key_ring.rotate_key(
        _named(request, principal), by=principal.member, overlap_seconds=given.overlap_seconds,
        lifetime_days=given.lifetime_days, now=request.now, deadline=request.deadline,
    )  # fmt: skip
    return _created(key)


@routes.delete(KEY, permission=WRITE, answers={204: None}, refusals=CHANGE_REFUSALS)
def revoke_key(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends a key: the next request with it is refused."""
    key = _named(request, principal)
    key_ring.revoke_key(key, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.nothing()


def _named(request: Request, principal: PersonPrincipal) -> ListedKey:
    """The key of the path, if it is one of the project's."""
    key, project = key_by_id(request.parameters["key"], deadline=request.deadline), principal.project
    if (key.org, key.project) != (project.org, project.project):
        raise NotFound
    return key


def _created(key: NewKey) -> Answer:
    return responses.json(KeyCreated(key.key_id, key.kind, key.text), status=201)


def _view(key: ListedKey) -> KeyView:
    return KeyView(
        id=key.key_id,
        prefix=key.prefix,
        kind=key.kind,
        label=key.label,
        created_at=key.created_at * 1000,
        created_by=key.created_by.hex() if key.created_by else None,
        last_used_at=_ms(key.last_used_at),
        expires_at=_ms(key.expires_at),
        flagged=key.flagged,
    )


def _ms(seconds: int | None) -> int | None:
    return seconds * 1000 if seconds is not None else None
