"""Who is asking, and whether they may: before anything else of a request is read.

    `Authorization`  KEY      -> its project, alive -> permission -> the project that the URL names
                              401                     403           404
    else a cookie    SESSION  -> from a page of ours -> a member there -> permission -> project -> fresh password
                              401 403                  404               403           404        403
    else nobody               -> from a page of ours, where something is changed
                                403

A request with `Authorization` has no cookies here. Everything that gives power is read from the store, consistently, on
every request: what was revoked, removed or changed a moment ago has no effect any more.
"""

from typing import Final

from msgspec import Struct

from chalicelib.identity import sessions
from chalicelib.identity.api_keys import ApiKey, KeyRefused, authenticated, note_use
from chalicelib.identity.membership import Member, membership
from chalicelib.identity.orgs import Org, org_by_id
from chalicelib.identity.permissions import GRANTS, MAY, SIGNED_IN, Permission
from chalicelib.identity.projects import Project, ids_of, org_by_slug, project_by_id
from chalicelib.identity.sessions import Session
from chalicelib.ids import UserId
from chalicelib.web import bodies, csrf, limiting
from chalicelib.web.cookies import PRE, SESSION, cookie
from chalicelib.web.declaration import ORG, PROJECT, Declaration
from chalicelib.web.problems import (
    HeaderWrong,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ReauthenticationNeeded,
    SecondFactorNeeded,
)
from chalicelib.web.request import Request

NOTING_SECONDS: Final = 0.5
"""Noting that a key was used must not use up the time of what it is used for."""


class Guest(Struct, frozen=True):
    """Somebody who did not say who they are, or who was not asked."""

    binding: str
    """What the tokens of forms are bound to: the cookie `__Host-pre`."""
    is_new: bool = True
    """Whether the browser has that cookie still to get."""

    def __repr__(self) -> str:
        return "Guest()"


class KeyPrincipal(Struct, frozen=True):
    """A program with a key: what it may do, in the one project that the key is of."""

    key: ApiKey
    project: Project
    may: frozenset[Permission]

    @property
    def who(self) -> str:
        return f"the {self.key.kind} key {self.key.key_id}"


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

    def __repr__(self) -> str:
        return f"PersonPrincipal({self.user.hex()})"


Principal = KeyPrincipal | PersonPrincipal
"""Somebody known."""


def admitted(request: Request, route: Declaration) -> Principal | Guest:
    """Who is asking, if they may; a `Guest` on public routes only.

    Raises `NotSignedIn`, `KeyRefused`, `HeaderWrong`, `LimitReached`, `CsrfRefused`, `NotAllowed`, `NotFound`,
    `SecondFactorNeeded`, `ReauthenticationNeeded` and `StoreUnavailable`.
    """
    if route.permission is Permission.PUBLIC:
        return _anybody(request, route)
    try:
        principal = _key_holder(request, route) if "authorization" in request.headers else _signed_in(request)
    except (NotSignedIn, KeyRefused, HeaderWrong):
        limiting.count_visitor(request)
        raise
    if isinstance(principal, KeyPrincipal):
        limiting.count_key(request, route.limit, principal.key.key_id)
        return _allowed_key(request, route, principal)
    limiting.count_person(request, principal.user)
    return _allowed_person(request, route, principal)


def _anybody(request: Request, route: Declaration) -> PersonPrincipal | Guest:
    """Whoever it is: what is public is open to all, but forms only to who was shown them."""
    person = None if "authorization" in request.headers else _person(request)
    if person is None:
        limiting.count_visitor(request)
    else:
        limiting.count_person(request, person.user)
    bound = cookie(request, PRE)
    if request.method not in csrf.SAFE_METHODS:
        csrf.check_origin(request)
        if route.kind == "form":
            _check_token(request, person.binding if person else bound)
    return person or Guest(bound or csrf.new_binding(), is_new=bound is None)


def _key_holder(request: Request, route: Declaration) -> KeyPrincipal:
    if route.kind != "api":
        raise NotSignedIn  # pages are for people
    key = authenticated(_bearer(request), now=request.now, deadline=request.deadline)
    project = project_by_id(key.org, key.project, deadline=request.deadline)
    if project is None:
        raise KeyRefused
    return KeyPrincipal(key, project, MAY[key.kind])


def _bearer(request: Request) -> str:
    if "authorization" in request.repeated_headers:
        raise HeaderWrong("`Authorization` was sent more than once: which one counts is anybody's guess.")
    scheme, _, secret = request.headers["authorization"].strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn
    return secret.strip()


def _signed_in(request: Request) -> PersonPrincipal:
    person = _person(request)
    if person is None:
        raise NotSignedIn
    return person


def _person(request: Request) -> PersonPrincipal | None:
    """Whose session the cookie names, with no place yet."""
    value = cookie(request, SESSION)
    session = sessions.session(value, now=request.now, deadline=request.deadline) if value else None
    return PersonPrincipal(session, value, None, SIGNED_IN) if session and value else None


def _allowed_key(request: Request, route: Declaration, key: KeyPrincipal) -> KeyPrincipal:
    _check_permission(route, key)
    if PROJECT in request.parameters:
        named = ids_of(request.parameters[ORG], request.parameters[PROJECT], deadline=request.deadline)
        if named != (key.project.org, key.project.project):
            raise NotFound
    note_use(key.key, now=request.now, deadline=request.deadline_within(NOTING_SECONDS))
    return key


def _allowed_person(request: Request, route: Declaration, person: PersonPrincipal) -> PersonPrincipal:
    if request.method not in csrf.SAFE_METHODS:
        csrf.check_origin(request)
        _check_token(request, person.binding)
    if ORG in request.parameters:
        person = _in_org(request, person)
    _check_permission(route, person)
    if PROJECT in request.parameters:
        person = _in_project(request, person)
    if route.fresh and not person.session.is_fresh(request.now):
        raise ReauthenticationNeeded
    return person


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
    return PersonPrincipal(person.session, person.binding, place, GRANTS[place.member.role])


def _check_permission(route: Declaration, principal: Principal) -> None:
    if route.permission not in principal.may:
        raise NotAllowed(route.permission, principal.who)


def _check_token(request: Request, binding: str | None) -> None:
    if csrf.HEADER in request.headers:
        csrf.check_token(request.headers[csrf.HEADER], binding, csrf.API)
    else:
        given = bodies.form_fields(request) if request.media_type == bodies.FORM else {}
        csrf.check_token(given.get(csrf.FIELD), binding, csrf.FORM)
