"""Deploy markers over JSON: recorded by who deploys, with an ingest key or a session, and listed for who reads."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.times import LATEST_MS, TimeRange, parse_moment, parse_range
from chalicelib.events.store import deploy_recording, deploys
from chalicelib.events.store.deploy_recording import Asking, DeployTimeRefused, Recorded, TooManyDeploys
from chalicelib.events.store.deploys import Deploy, DeployUnknown, Release
from chalicelib.events.store.receipt import IdempotencyConflict
from chalicelib.identity.membership import actor, attest
from chalicelib.identity.permissions import Permission
from chalicelib.routes.idempotency import idempotency_key
from chalicelib.routes.orgs import CHANGE_REFUSALS, PROJECT
from chalicelib.routes.problems import INGEST_PROBLEMS, QUERY_PROBLEMS, QueryWrong
from chalicelib.routes.scope import scope_of
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change
from chalicelib.web import bodies, responses
from chalicelib.web.guard import KeyPrincipal, PersonPrincipal, Principal
from chalicelib.web.paging import next_link
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import PROBLEMS, NotFound, Problem, Problems, Told
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Body, Routes

SECONDS: Final = 4.5
"""As for events: existing clients wait five seconds."""

DEPLOYS: Final = PROJECT + "/deploys"
DEPLOY: Final = DEPLOYS + "/{deploy}"
WRITE: Final = Permission.DEPLOYS_WRITE
RECORD_REFUSALS: Final = (400, 401, 403, 404, 413, 415, 422, 429, 503)

LONGEST: Final = 100
LONGEST_TEXT: Final = 500

Name = Annotated[str, Meta(max_length=LONGEST)]
Milliseconds = Annotated[int, Meta(ge=0, le=LATEST_MS)]


class UrlRefused(ValueError):
    """The text is no address that a page may lead to."""

    def __init__(self) -> None:
        super().__init__("it must be one https:// address, without spaces and without a name or password in it")


class MomentRefused(ValueError):
    """The text is no time."""


def _unusable(name: str) -> Problem:
    def told(error: Exception) -> Told:
        return Told(f"`{name}` cannot be used: {error}.", {"field": name})

    return Problem(422, "field", "A field cannot be used", told)


DEPLOY_PROBLEMS: Final[Problems] = {
    **TENANT_PROBLEMS,
    **QUERY_PROBLEMS,
    DeployUnknown: PROBLEMS[NotFound],
    UrlRefused: _unusable("url"),
    MomentRefused: _unusable("at"),
    DeployTimeRefused: _unusable("at"),
    TooManyDeploys: Problem(
        429, "limit", "Too many deploys today",
        lambda error: Told(
            str(error), {"retry_after": error.retry_after}, {"Retry-After": str(error.retry_after)}
        ),
    ),
    IdempotencyConflict: INGEST_PROBLEMS[IdempotencyConflict],
}  # fmt: skip

routes = Routes(__name__, DEPLOY_PROBLEMS)


class DeployRecording(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was deployed. The same version, service and environment within a minute are the same deploy."""

    version: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    service: Name | None = None
    environment: Name | None = None
    at: Annotated[Milliseconds | Name | None, Meta(description="Milliseconds, or RFC 3339; now if left out.")] = None
    url: Annotated[str, Meta(max_length=LONGEST_TEXT, description="Where more stands of it: https only.")] | None = None
    note: Annotated[str, Meta(max_length=LONGEST_TEXT)] | None = None


class DeployRecorded(Struct, frozen=True):
    """The marker, as far as who recorded it said so."""

    id: str
    at: int
    version: str
    service: str
    environment: str


class By(Struct, frozen=True):
    """Who recorded it: a person or a key."""

    kind: str
    id: str


class DeployView(Struct, frozen=True):
    """A marker. Times are in milliseconds; `at` is when it was deployed, `recorded_at` when somebody said so."""

    id: str
    at: int
    version: str
    service: str
    environment: str
    url: str
    note: str
    by: By
    recorded_at: int


class DeployList(Struct, frozen=True):
    """Markers, the newest first."""

    data: list[DeployView]
    next_cursor: str | None


class Listing(Struct, frozen=True, kw_only=True):
    """Which markers: of all that the project keeps, if nothing is said."""

    since: Annotated[str, Meta(max_length=40, description="How far back from now: `1h`, `7d`.")] = ""
    start: Annotated[str, Meta(max_length=100, description="RFC 3339, a date, milliseconds, or words.")] = field(
        name="from", default=""
    )
    end: Annotated[str, Meta(max_length=100, description="As `from`; not included itself.")] = field(
        name="to", default=""
    )
    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    cursor: Annotated[str, Meta(max_length=100, description="Where the page before this one ended.")] = ""


BODY: Final = Body(
    description="What was deployed.",
    media_types=("application/json",),
    shape=DeployRecording,
    headers={
        "Idempotency-Key": "1 to 255 visible characters. A deploy sent again with the same key is recorded once, and "
        "another body with it is refused."
    },
)


@routes.post(
    "/api/deploys", permission=WRITE, limit="ingest", body=BODY,
    answers={200: DeployRecorded, 201: DeployRecorded}, refusals=RECORD_REFUSALS,
)  # fmt: skip
def record_deploy(request: Request, principal: KeyPrincipal) -> Answer:
    """Records a deploy of the key's project.

    201 tells of a new marker, 200 of the one that was there. Any other answer means that it may be sent again.
    """
    return _recorded(request, principal)


@routes.post(
    DEPLOYS, permission=WRITE, body=BODY, answers={200: DeployRecorded, 201: DeployRecorded}, refusals=RECORD_REFUSALS
)
def record_deploy_of_project(request: Request, principal: KeyPrincipal | PersonPrincipal) -> Answer:
    """Records a deploy.

    201 tells of a new marker, 200 of the one that was there.
    """
    return _recorded(request, principal)


@routes.get(
    DEPLOYS, permission=Permission.EVENTS_READ, query=Listing, answers={200: DeployList},
    refusals=(400, 401, 403, 404, 503),
)  # fmt: skip
def list_deploys(request: Request, principal: Principal) -> Answer:
    """Lists deploys, the newest first."""
    return listed(request, principal)


@routes.delete(DEPLOY, permission=Permission.DEPLOYS_DELETE, answers={204: None}, refusals=CHANGE_REFUSALS)
def delete_deploy(request: Request, principal: PersonPrincipal) -> Answer:
    """Takes a marker away, and notes in the audit log who did."""
    removed(request, principal)
    return responses.nothing()


def listed(request: Request, principal: Principal) -> Answer:
    """The list, for the API and for the page's twin. Raises `QueryWrong` and `ParameterWrong`."""
    asked = parameters(request, Listing)
    found = deploys.deploys(
        scope_of(principal), range_of(asked, request), limit=asked.limit + 1, now_ms=request.now_ms,
        deadline=request.deadline, before=asked.cursor,
    )  # fmt: skip
    page, cursor = found[: asked.limit], found[asked.limit - 1].id if len(found) > asked.limit else None
    return responses.json(DeployList([view_of(each) for each in page], cursor), headers=next_link(request, cursor))


def range_of(asked: Listing, request: Request) -> TimeRange:
    """The stretch of time that is asked about, up to a little ahead. Raises `QueryWrong`."""
    if not (asked.since or asked.start or asked.end):
        return TimeRange(0, request.now_ms + deploys.AHEAD_MS + 1)
    try:
        return parse_range(now_ms=request.now_ms, since=asked.since, start=asked.start, end=asked.end)
    except QueryError as error:
        raise QueryWrong("since" if asked.since else "from" if asked.start else "to", error) from error


def view_of(marker: Deploy) -> DeployView:
    of = marker.release
    return DeployView(
        marker.id, marker.at, of.version, of.service, of.environment, of.url, of.note,
        By(marker.by.kind, marker.by.id), marker.recorded_at,
    )  # fmt: skip


def recorded(
    request: Request, principal: KeyPrincipal | PersonPrincipal, release: Release, *, at: int | None
) -> Recorded:
    """Keeps the marker in the name of who asks. Raises as `deploy_recording.record` does, and `AuthorityLost`."""
    return deploy_recording.record(
        scope_of(principal), release, at=at, asking=_asking(request, principal), now_ms=request.now_ms,
        deadline=request.deadline_within(SECONDS),
    )  # fmt: skip


def removed(request: Request, principal: PersonPrincipal) -> Deploy:
    """Takes the marker away that the path names. Raises `DeployUnknown` and `AuthorityLost`."""
    gone, change = deploy_named(request, principal), Change()
    attest(change, principal.member)
    deploys.remove(
        scope_of(principal), gone, change=change, by=actor(principal.member), now_ms=request.now_ms,
        deadline=request.deadline,
    )  # fmt: skip
    return gone


def deploy_named(request: Request, principal: Principal) -> Deploy:
    """The marker that the path names. Raises `DeployUnknown`."""
    named = request.parameters["deploy"]
    return deploys.deploy(scope_of(principal), named, now_ms=request.now_ms, deadline=request.deadline)


def checked_url(text: str) -> str:
    """The address, or nothing. Raises `UrlRefused`."""
    if text and _URL.fullmatch(text) is None:
        raise UrlRefused
    return text


_URL: Final = re.compile(r"https://[0-9A-Za-z.\-]+(:[0-9]{1,5})?([/?#][!#-&(-;=?-\[\]-~]*)?")
"""Visible ASCII without quotes, angle brackets and backslashes, which have no place in an address (RFC 3986)."""


def _recorded(request: Request, principal: KeyPrincipal | PersonPrincipal) -> Answer:
    given = _given(request, principal)
    release = Release(
        given.version, given.service or "", given.environment or "", checked_url(given.url or ""), given.note or ""
    )
    kept = recorded(request, principal, release, at=_moment(given.at))
    found = kept.deploy
    said = DeployRecorded(found.id, found.at, *found.release.identity)
    return responses.json(said, status=201 if kept.is_new else 200)


def _given(request: Request, principal: KeyPrincipal | PersonPrincipal) -> DeployRecording:
    if isinstance(principal, KeyPrincipal):
        # `curl -d` calls everything a form. No browser has a key by itself, so what it is called says nothing here.
        request = replace(request, headers={**request.headers, "content-type": bodies.JSON})
    return bodies.json_body(request, DeployRecording)


def _moment(given: int | str | None) -> int | None:
    if given is None or given == "":
        return None
    try:
        return parse_moment(str(given)).first
    except QueryError as error:
        raise MomentRefused(error.message) from error


def _asking(request: Request, principal: KeyPrincipal | PersonPrincipal) -> Asking:
    key = idempotency_key(request)
    if isinstance(principal, PersonPrincipal):
        by, member = actor(principal.member), principal.member
        return Asking(by=by, request_key=_of(by, key), vouch=lambda change: attest(change, member))
    by = Actor("key", principal.key.key_id)
    return Asking(by=by, request_key=_of(by, key))


def _of(by: Actor, key: str | None) -> str | None:
    """Two who record have keys of their own, though they may call them the same."""
    return None if key is None else f"{by.kind} {by.id} {key}"
