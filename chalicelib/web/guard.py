"""Who is asking, and whether they may: before anything else of a request is read.

    `Authorization`  PROGRAM  -> its key or token -> permission -> the project that the URL names (`web.programs`)
                              401                   403           404, 401
    else a cookie    SESSION  -> from a page of ours -> a member there -> permission -> project -> fresh password
                              401 403                  404               403           404        403
    else nobody               -> from a page of ours, where something is changed
                                403

Somebody who was given more power since their session's id was made is admitted under a new one (ASVS 7.2.4), which the
answer sets.

A request with `Authorization` has no cookies here. Everything that gives power is read from the store, consistently, on
every request: what was revoked, removed or changed a moment ago has no effect any more.
"""

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import sessions
from chalicelib.identity.api_keys import KeyRefused
from chalicelib.identity.membership import Member, membership
from chalicelib.identity.orgs import Org, org_by_id
from chalicelib.identity.permissions import GRANTS, SIGNED_IN, Permission
from chalicelib.identity.projects import Project, ids_of, org_by_slug, project_by_id
from chalicelib.identity.sessions import Begun, Session
from chalicelib.identity.users import ChangedMeanwhile
from chalicelib.ids import UserId
from chalicelib.oauth.errors import TokenRefused
from chalicelib.web import bodies, csrf, limiting, programs, resource_server
from chalicelib.web.cookies import PRE, SESSION, cookie, kept
from chalicelib.web.declaration import ORG, PROJECT, Declaration
from chalicelib.web.problems import (
    HeaderWrong,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OriginRefused,
    ReauthenticationNeeded,
    SecondFactorNeeded,
)
from chalicelib.web.programs import GrantPrincipal, KeyPrincipal, Program
from chalicelib.web.request import Request

__all__ = ["GrantPrincipal", "Guest", "KeyPrincipal", "PersonPrincipal", "Place", "Principal", "admitted", "signed_in"]


class Guest(Struct, frozen=True):
    """Somebody who did not say who they are, or who was not asked."""

    binding: str
    """What the tokens of forms are bound to: the cookie `__Host-pre`."""
    is_new: bool = True
    """Whether the browser has that cookie still to get."""

    def __repr__(self) -> str:
        return "Guest()"


class Place(Struct, frozen=True):
    """The organisation that a URL names, somebody's part in it, and the project, if the URL names one."""

    org: Org
    member: Member
    project: Project | None = None


class PersonPrincipal(Struct, frozen=True):
    """Somebody who is signed in: what they may do where the URL leads, and nowhere else."""

    session: Session
    binding: str
    """What the tokens of forms are bound to: the session's cookie."""
    place: Place | None
    may: frozenset[Permission]
    renewed: bool = False
    """Whether the cookie is another one than the request had."""

    @property
    def user(self) -> UserId:
        return self.session.user.user

    @property
    def who(self) -> str:
        return f"the role {self.place.member.role}" if self.place else "an account"

    @property
    def org(self) -> Org:
        """On routes whose path has `{org}`."""
        assert self.place is not None, "the route names no organisation"
        return self.place.org

    @property
    def member(self) -> Member:
        """On routes whose path has `{org}`: in whose power changes are made."""
        assert self.place is not None, "the route names no organisation"
        return self.place.member

    @property
    def project(self) -> Project:
        """On routes whose path has `{project}`."""
        assert self.place is not None, "the route names no organisation"
        assert self.place.project is not None, "the route names no project"
        return self.place.project

    @property
    def new_cookies(self) -> tuple[str, ...]:
        """What every answer to the request sets, a refusal too: the cookie that was sent leads nowhere soon."""
        return (kept(SESSION, self.binding, seconds=sessions.SECONDS),) if self.renewed else ()

    def __repr__(self) -> str:
        return f"PersonPrincipal({self.user.hex()})"


Principal = Program | PersonPrincipal
"""Somebody known."""


def admitted(request: Request, route: Declaration) -> Principal | Guest:
    """Who is asking, if they may; a `Guest` on public routes only.

    Raises `OriginRefused`, `NotSignedIn`, `KeyRefused`, `TokenRefused`, `HeaderWrong`, `LimitReached`, `CsrfRefused`,
    `NotAllowed`, `NotFound`, `SecondFactorNeeded`, `ReauthenticationNeeded` and `StoreUnavailable`.
    """
    if route.permission is Permission.PUBLIC:
        return _anybody(request, route)
    try:
        principal = _known(request, route)
    except (OriginRefused, NotSignedIn, KeyRefused, TokenRefused, HeaderWrong):
        limiting.count_visitor(request)
        raise
    if not isinstance(principal, PersonPrincipal):
        programs.count(request, route, principal)
        return programs.allowed(request, route, principal)
    limiting.count_person(request, principal.user)
    return _allowed_person(request, route, principal)


def signed_in(request: Request) -> PersonPrincipal | None:
    """Who is at the browser, anywhere. Raises `HeaderWrong` and `StoreUnavailable`."""
    return None if "authorization" in request.headers else _person(request)


def _anybody(request: Request, route: Declaration) -> PersonPrincipal | Guest:
    """Whoever it is: what is public is open to all, but forms only to who was shown them."""
    person = signed_in(request)
    if person is None:
        limiting.count_visitor(request)
    else:
        limiting.count_person(request, person.user)
    bound = cookie(request, PRE)
    if request.method not in csrf.SAFE_METHODS:
        csrf.check_origin(request)
        if route.kind == "form":
            _check_token(request, cookie(request, SESSION) if person else bound)
    return person or Guest(bound or csrf.new_binding(), is_new=bound is None)


def _known(request: Request, route: Declaration) -> Principal:
    """Who says who they are, in the way that counts here: pages are for people, and `/mcp` for programs."""
    if route.kind == "mcp":
        resource_server.check_caller(request)
    if "authorization" in request.headers:
        if route.kind not in ("api", "mcp"):
            raise NotSignedIn
        return programs.program(request, route)
    person = None if route.kind == "mcp" else _person(request)
    if person is None:
        raise NotSignedIn
    return person


def _person(request: Request) -> PersonPrincipal | None:
    """Whose session the cookie names, with no place yet."""
    value = cookie(request, SESSION)
    found = sessions.presented(value, now=request.now, deadline=request.deadline) if value else None
    if found is None:
        return None
    return PersonPrincipal(found.session, found.cookie, None, SIGNED_IN, renewed=found.cookie != value)


def _allowed_person(request: Request, route: Declaration, person: PersonPrincipal) -> PersonPrincipal:
    if request.method not in csrf.SAFE_METHODS:
        csrf.check_origin(request)
        _check_token(request, cookie(request, SESSION))
    if ORG in request.parameters:
        person = _in_org(request, person)
    _check_permission(route, person)
    if PROJECT in request.parameters:
        person = _in_project(request, person)
    if route.fresh and not person.session.is_fresh(request.now):
        raise ReauthenticationNeeded
    return _up_to_their_power(request, person)


def _in_org(request: Request, person: PersonPrincipal) -> PersonPrincipal:
    """With their part in the organisation of the URL. One that is not theirs is not told from one that is not."""
    named = org_by_slug(request.parameters[ORG], deadline=request.deadline)
    member = membership(named, person.user, deadline=request.deadline) if named else None
    org = org_by_id(member.org, deadline=request.deadline) if member else None
    if member is None or org is None:
        raise NotFound
    if org.second_factor and not person.session.strong:
        raise SecondFactorNeeded
    return _placed(person, Place(org, member))


def _in_project(request: Request, person: PersonPrincipal) -> PersonPrincipal:
    named = ids_of(request.parameters[ORG], request.parameters[PROJECT], deadline=request.deadline)
    project = project_by_id(*named, deadline=request.deadline) if named else None
    if project is None or project.org != person.org.org:
        raise NotFound
    return _placed(person, Place(person.org, person.member, project))


def _placed(person: PersonPrincipal, place: Place) -> PersonPrincipal:
    return replace(person, place=place, may=GRANTS[place.member.role])


def _up_to_their_power(request: Request, person: PersonPrincipal) -> PersonPrincipal:
    """With an id that is younger than what they may do: who knew the old one before gains nothing by it.

    It comes last: somebody who is refused gained nothing, and every answer after it sets the cookie.
    """
    raised_at = person.place.member.raised_at if person.place else None
    if raised_at is None or raised_at < person.session.made_at:
        return person
    old = Begun(person.binding, person.session)
    try:
        new = sessions.renew(old, gained_at=raised_at, now=request.now, deadline=request.deadline)
    except ChangedMeanwhile as ended:
        raise NotSignedIn from ended
    return replace(person, session=new.session, binding=new.cookie, renewed=True)


def _check_permission(route: Declaration, person: PersonPrincipal) -> None:
    if route.permission not in person.may:
        raise NotAllowed(route.permission, person.who)


def _check_token(request: Request, binding: str | None) -> None:
    if csrf.HEADER in request.headers:
        csrf.check_token(request.headers[csrf.HEADER], binding, csrf.API)
    else:
        given = bodies.form_fields(request) if request.media_type == bodies.FORM else {}
        csrf.check_token(given.get(csrf.FIELD), binding, csrf.FORM)
