"""One's own account over JSON: who is signed in, name, address, password, second factor, sessions."""

from typing import Final

from chalicelib.identity import second_factor, sessions, sign_in, users
from chalicelib.identity.permissions import Permission
from chalicelib.identity.sessions import Begun, Listed
from chalicelib.routes.account_problems import ACCOUNT_PROBLEMS
from chalicelib.routes.account_shapes import (
    Done,
    EnrolmentShown,
    FactorCode,
    LetterSent,
    Me,
    NewEmail,
    NewName,
    NewPassword,
    Proof,
    RecoveryCodes,
    Renewed,
    SessionList,
    SessionsEnd,
    SessionShown,
)
from chalicelib.routes.auth import REFUSED, me_shown, session_cookie, signed_out, visitor, with_cookies
from chalicelib.web import bodies, csrf, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

CHANGE_REFUSED: Final = (401, 403, 409, *REFUSED)

routes = Routes(__name__, ACCOUNT_PROBLEMS)


@routes.get("/api/auth/me", permission=Permission.ACCOUNT_READ, answers={200: Me}, refusals=(401, 429, 503))
def me(request: Request, principal: PersonPrincipal) -> Answer:
    """Who is signed in."""
    token = csrf.token(principal.binding, csrf.API)
    return responses.json(me_shown(request, principal.session.user, token, must_enrol=not principal.session.strong))


@routes.post(
    "/api/auth/prove", permission=Permission.ACCOUNT_WRITE, body=Proof, answers={200: Renewed},
    refusals=CHANGE_REFUSED,
)  # fmt: skip
def prove(request: Request, principal: PersonPrincipal) -> Answer:
    """Proves the password again, which what is sensitive asks for after 30 minutes."""
    body = bodies.json_body(request, Proof)
    begun = sign_in.prove_again(
        principal.session, body.password, visitor(request, principal), code=body.code, now=request.now,
        deadline=request.deadline,
    )  # fmt: skip
    return _renewed(begun)


@routes.post(
    "/api/auth/name", permission=Permission.ACCOUNT_WRITE, body=NewName, answers={200: Done},
    refusals=CHANGE_REFUSED,
)  # fmt: skip
def name(request: Request, principal: PersonPrincipal) -> Answer:
    """Changes how somebody is called."""
    body = bodies.json_body(request, NewName)
    users.rename(principal.user, body.name, now=request.now, deadline=request.deadline)
    return responses.json(Done())


@routes.post(
    "/api/auth/email", permission=Permission.ACCOUNT_WRITE, fresh=True, body=NewEmail,
    answers={200: Done, 202: LetterSent}, refusals=CHANGE_REFUSED,
)  # fmt: skip
def email(request: Request, principal: PersonPrincipal) -> Answer:
    """Moves the account to another address: at once, or where mail is sent when the link in the letter comes back."""
    body = bodies.json_body(request, NewEmail)
    done = users.request_email(principal.session.user, body.email, now=request.now, deadline=request.deadline)
    if done:
        return responses.json(Done())
    return responses.json(LetterSent("Check the mail at the new address."), status=202)


@routes.post(
    "/api/auth/password", permission=Permission.ACCOUNT_WRITE, fresh=True, body=NewPassword, answers={200: Renewed},
    refusals=CHANGE_REFUSED,
)  # fmt: skip
def password(request: Request, principal: PersonPrincipal) -> Answer:
    """Changes the password. All other sessions end, and this one goes on under a new cookie."""
    body = bodies.json_body(request, NewPassword)
    begun = sign_in.change_password(
        principal.session, body.current, body.password, visitor(request, principal), now=request.now,
        deadline=request.deadline,
    )  # fmt: skip
    return _renewed(begun)


@routes.post(
    "/api/auth/totp/enrol", permission=Permission.ACCOUNT_WRITE, fresh=True, answers={200: EnrolmentShown},
    refusals=CHANGE_REFUSED,
)  # fmt: skip
def totp_enrol(request: Request, principal: PersonPrincipal) -> Answer:
    """Begins to set up a second factor."""
    given = second_factor.enrol(principal.session.user, now=request.now, deadline=request.deadline)
    return responses.json(EnrolmentShown(given.secret, given.uri))


@routes.post(
    "/api/auth/totp/confirm", permission=Permission.ACCOUNT_WRITE, fresh=True, body=FactorCode,
    answers={200: RecoveryCodes}, refusals=CHANGE_REFUSED,
)  # fmt: skip
def totp_confirm(request: Request, principal: PersonPrincipal) -> Answer:
    """Turns the second factor on, and shows the recovery codes. All other sessions end."""
    body = bodies.json_body(request, FactorCode)
    done = second_factor.confirm(
        principal.session, body.code, visitor(request, principal), now=request.now, deadline=request.deadline
    )
    shown = RecoveryCodes(done.recovery_codes, csrf.token(done.begun.cookie, csrf.API))
    return with_cookies(responses.json(shown), session_cookie(done.begun))


@routes.post(
    "/api/auth/totp/disable", permission=Permission.ACCOUNT_WRITE, fresh=True, body=FactorCode,
    answers={200: Renewed}, refusals=CHANGE_REFUSED,
)  # fmt: skip
def totp_disable(request: Request, principal: PersonPrincipal) -> Answer:
    """Turns the second factor off. All other sessions end."""
    body = bodies.json_body(request, FactorCode)
    begun = second_factor.disable(
        principal.session, body.code, visitor(request, principal), now=request.now, deadline=request.deadline
    )
    return _renewed(begun)


@routes.post(
    "/api/auth/totp/recovery", permission=Permission.ACCOUNT_WRITE, fresh=True, body=FactorCode,
    answers={200: RecoveryCodes}, refusals=CHANGE_REFUSED,
)  # fmt: skip
def totp_recovery(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes new recovery codes. The old ones end."""
    body = bodies.json_body(request, FactorCode)
    codes = second_factor.renew_recovery_codes(
        principal.session.user, body.code, now=request.now, deadline=request.deadline
    )
    return responses.json(RecoveryCodes(codes, csrf.token(principal.binding, csrf.API)))


@routes.get(
    "/api/auth/sessions", permission=Permission.ACCOUNT_READ, answers={200: SessionList}, refusals=(401, 429, 503)
)
def list_sessions(request: Request, principal: PersonPrincipal) -> Answer:
    """Somebody's own sessions."""
    found = sessions.sessions_of(principal.session.user, now=request.now, deadline=request.deadline)
    return responses.json(SessionList([_session(one, principal) for one in found]))


@routes.post(
    "/api/auth/sessions/end", permission=Permission.ACCOUNT_WRITE, fresh=True, body=SessionsEnd, answers={200: Done},
    refusals=(401, 403, 404, 409, *REFUSED),
)  # fmt: skip
def end_sessions(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends one of somebody's own sessions, all others, or all."""
    which = bodies.json_body(request, SessionsEnd).session
    match which:
        case "others":
            sessions.end_others(principal.session, now=request.now, deadline=request.deadline)
        case "all":
            sessions.end_all(principal.session.user, now=request.now, deadline=request.deadline)
            return signed_out()
        case _:
            sessions.end_one(principal.user, which, now=request.now, deadline=request.deadline)
    return responses.json(Done())


def _renewed(begun: Begun) -> Answer:
    return with_cookies(responses.json(Renewed(csrf.token(begun.cookie, csrf.API))), session_cookie(begun))


def _session(one: Listed, principal: PersonPrincipal) -> SessionShown:
    current = one.handle == principal.session.handle.hex()
    return SessionShown(
        one.handle, current, one.created_at * 1000, one.expires_at * 1000, one.source, one.agent, one.strong
    )
