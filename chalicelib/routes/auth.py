"""Ways in and out over JSON: sign-up, sign-in, a forgotten password. What is in between is `routes.account`."""

from typing import Final

from msgspec.structs import replace

from chalicelib.identity import devices, second_factor, sessions, sign_in, sign_up, users
from chalicelib.identity.membership import membership, orgs_of
from chalicelib.identity.orgs import orgs_by_id
from chalicelib.identity.permissions import Permission
from chalicelib.identity.sessions import Begun, Visitor
from chalicelib.identity.sign_in import Attempt, CodeNeeded, SignedIn
from chalicelib.identity.sign_up import Registered, Wanted
from chalicelib.identity.users import User
from chalicelib.ids import UserId
from chalicelib.routes.account_problems import ACCOUNT_PROBLEMS
from chalicelib.routes.account_shapes import (
    Confirm,
    Done,
    LetterSent,
    Login,
    LoginCode,
    Me,
    OrgShown,
    PlaceShown,
    Register,
    RegisteredShown,
    Reset,
    ResetConfirm,
    UserShown,
)
from chalicelib.web import bodies, cookies, csrf, responses
from chalicelib.web.guard import Guest, PersonPrincipal
from chalicelib.web.headers import SIGNED_OUT
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

Anybody = PersonPrincipal | Guest

REFUSED: Final = (400, 413, 415, 422, 429, 503)

routes = Routes(__name__, ACCOUNT_PROBLEMS)


@routes.post(
    "/api/auth/register", permission=Permission.PUBLIC, body=Register,
    answers={201: RegisteredShown, 202: LetterSent}, refusals=(403, 409, *REFUSED),
)  # fmt: skip
def register(request: Request, principal: Anybody) -> Answer:
    """Makes an account with an organisation, a project and an ingest key, all or nothing.

    Where the deployment sends mail the answer is 202 for every address, and the letter says how to go on.
    """
    body = bodies.json_body(request, Register)
    wanted = Wanted(body.email, body.password, body.name, body.orgName)
    made = sign_up.register(wanted, visitor(request, principal), now=request.now, deadline=request.deadline)
    if made is None:
        return responses.json(LetterSent("Check your mail: it says how to go on."), status=202)
    return _registered(made)


@routes.post(
    "/api/auth/confirm", permission=Permission.PUBLIC, body=Confirm,
    answers={200: Done, 201: RegisteredShown}, refusals=(401, 403, 409, 410, *REFUSED),
)  # fmt: skip
def confirm(request: Request, principal: Anybody) -> Answer:
    """Does what a mailed link is for: finishes a sign-up, or moves an account to a new address."""
    body = bodies.json_body(request, Confirm)
    if body.password is None:
        users.confirm_email(body.token, now=request.now, deadline=request.deadline)
        return responses.json(Done())
    who = visitor(request, principal)
    made = sign_up.confirm(body.token, body.password, who, now=request.now, deadline=request.deadline)
    return _registered(made)


@routes.post(
    "/api/auth/login", permission=Permission.PUBLIC, body=Login, answers={200: Me}, refusals=(401, 409, *REFUSED)
)
def login(request: Request, principal: Anybody) -> Answer:
    """Signs in. Where a second factor is asked for and `code` is missing, the refusal has a `challenge`."""
    body = bodies.json_body(request, Login)
    who = visitor(request, principal)
    attempt = Attempt(email=body.email, password=body.password, visitor=who)
    try:
        done = sign_in.sign_in(attempt, now=request.now, required=needs_second_factor, deadline=request.deadline)
    except CodeNeeded as needed:
        if body.code is None:
            raise
        done = sign_in.finish(needed.challenge, body.code, who, now=request.now, deadline=request.deadline)
    return _signed_in(request, done)


@routes.post(
    "/api/auth/login/code", permission=Permission.PUBLIC, body=LoginCode, answers={200: Me},
    refusals=(401, 409, 410, *REFUSED),
)  # fmt: skip
def login_code(request: Request, principal: Anybody) -> Answer:
    """The second step of signing in: the challenge of the first, and a code."""
    body = bodies.json_body(request, LoginCode)
    who = visitor(request, principal)
    done = sign_in.finish(body.challenge, body.code, who, now=request.now, deadline=request.deadline)
    return _signed_in(request, done)


@routes.post(
    "/api/auth/logout", permission=Permission.ACCOUNT_WRITE, answers={200: Done}, refusals=(401, 403, *REFUSED)
)
def logout(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends the session, every copy of its cookie included."""
    sessions.end(principal.session, now=request.now, deadline=request.deadline)
    return signed_out()


@routes.post(
    "/api/auth/reset", permission=Permission.PUBLIC, body=Reset, answers={202: LetterSent}, refusals=(501, *REFUSED)
)
def reset(request: Request, principal: Anybody) -> Answer:
    """Sends a letter to the address, whatever is known of it."""
    body = bodies.json_body(request, Reset)
    sign_in.request_reset(body.email, visitor(request, principal), now=request.now, deadline=request.deadline)
    return responses.json(LetterSent("Check your mail: it says how to go on."), status=202)


@routes.post(
    "/api/auth/reset/confirm", permission=Permission.PUBLIC, body=ResetConfirm, answers={200: Done},
    refusals=(409, 410, *REFUSED),
)  # fmt: skip
def reset_confirm(request: Request, principal: Anybody) -> Answer:
    """Sets a new password, given the link from the letter. All sessions end, and nobody is signed in by it."""
    body = bodies.json_body(request, ResetConfirm)
    who = visitor(request, principal)
    device = sign_in.reset(body.token, body.password, who, now=request.now, deadline=request.deadline)
    return with_cookies(responses.json(Done()), device_cookie(device), cookies.dropped(cookies.SESSION))


def visitor(request: Request, principal: Anybody) -> Visitor:
    """What the request brings along, for whoever signs somebody in."""
    return Visitor(
        source=request.source,
        agent=request.agent,
        device=cookies.cookie(request, cookies.DEVICE),
        session=principal.session if isinstance(principal, PersonPrincipal) else None,
    )


def session_cookie(begun: Begun) -> str:
    return cookies.kept(cookies.SESSION, begun.cookie, seconds=sessions.SECONDS)


def device_cookie(value: str) -> str:
    return cookies.kept(cookies.DEVICE, value, seconds=devices.SECONDS)


def needs_second_factor(user: UserId) -> bool:
    """Whether one of the person's organisations wants one of all members."""
    return any(org.second_factor for org in orgs_by_id(orgs_of(user)))


def signed_out() -> Answer:
    """The answer to whoever has ended their session."""
    return with_cookies(responses.json(Done(), headers=SIGNED_OUT), cookies.dropped(cookies.SESSION))


def with_cookies(answer: Answer, *values: str) -> Answer:
    return replace(answer, cookies=values)


def me_shown(request: Request, user: User, csrf_token: str, *, must_enrol: bool) -> Me:
    """Who somebody is, and where they belong."""
    found = orgs_by_id(orgs_of(user.user, deadline=request.deadline), deadline=request.deadline)
    members = [(org, membership(org.org, user.user, deadline=request.deadline)) for org in found]
    shown = [OrgShown(org.slug, org.name, member.role) for org, member in members if member]
    has_factor = second_factor.is_on(user.user, deadline=request.deadline)
    return Me(_user(user), shown, has_factor, must_enrol and any(org.second_factor for org in found), csrf_token)


def _registered(made: Registered) -> Answer:
    begun = made.signed_in.begun
    shown = RegisteredShown(
        _user(made.user), PlaceShown(made.org.slug, made.org.name), PlaceShown(made.project.slug, made.project.name),
        made.ingest_key.text, csrf.token(begun.cookie, csrf.API),
    )  # fmt: skip
    answer = responses.json(shown, status=201)
    return with_cookies(answer, session_cookie(begun), device_cookie(made.signed_in.device))


def _signed_in(request: Request, done: SignedIn) -> Answer:
    begun = done.begun
    shown = me_shown(request, begun.session.user, csrf.token(begun.cookie, csrf.API), must_enrol=done.must_enrol)
    return with_cookies(responses.json(shown), session_cookie(begun), device_cookie(done.device))


def _user(user: User) -> UserShown:
    return UserShown(user.user.hex(), user.email, user.name, user.confirmed_at is not None)
