"""Signing in and out, the second step, the proof before what is sensitive, and a forgotten password."""

from typing import Final

from msgspec import Struct

from chalicelib.identity import letters, links, second_factor, sessions, sign_in
from chalicelib.identity.letters import NoMailer
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.permissions import Permission
from chalicelib.identity.second_factor import CodeRefused
from chalicelib.identity.sign_in import Attempt, CodeNeeded, SignedIn, SignInRefused
from chalicelib.identity.users import EmailRefused
from chalicelib.routes.auth import device_cookie, needs_second_factor, session_cookie, visitor
from chalicelib.routes.pages.arrival import outside, way_on
from chalicelib.routes.pages.fields import WHOLE, Code, Email, Nothing, Path, Secret, Token, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.views import start
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.web import bodies, cookies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import Somebody, shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

routes = Routes(__name__, PAGE_PROBLEMS)

LETTER_SENT: Final = start.Told(
    title="Look into your mail",
    sentences=("If there is an account of this address, its letter has a link that works once, within half an hour.",),
    links=(("Back to sign-in", "/sign-in"),),
    mailed=True,
)


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Secret
    next: Path = ""


@routes.page("/sign-in", permission=Permission.PUBLIC)
def sign_in_page(request: Request, principal: Somebody) -> Answer:
    """Asks for address and password."""
    return shown(request, principal, start.SignIn(next=request.query.get("next", "")))


def _sign_in_again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    form = again(wrong)
    return shown(request, principal, start.SignIn(next=form.values.get("next", ""), form=form), status=422)


@routes.form("/sign-in", permission=Permission.PUBLIC, again=_sign_in_again, once=True, body=SignIn)
def enter(request: Request, principal: Somebody) -> Answer:
    """Signs in, or asks for a code."""
    given = bodies.form_body(request, SignIn)
    who = visitor(request, principal)
    attempt = Attempt(email=given.email, password=given.password, visitor=who)
    with beside(given, {SignInRefused: WHOLE}):
        try:
            done = sign_in.sign_in(
                attempt, now=request.now, required=needs_second_factor, deadline=request.deadline
            )  # fmt: skip
        except CodeNeeded as needed:
            return shown(request, principal, start.SecondFactor(ticket=needed.challenge, next=given.next))
    return _entered(request, done, given.next)


class SecondStep(Struct, frozen=True, forbid_unknown_fields=True):
    ticket: Token
    code: Code
    next: Path = ""


def _code_again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    sent = bodies.form_fields(request)
    view = start.SecondFactor(ticket=sent.get("ticket", ""), next=sent.get("next", ""), form=again(wrong))
    return shown(request, principal, view, status=422)


@routes.form(
    "/sign-in/second-factor", permission=Permission.PUBLIC, again=_code_again, shown_at="/sign-in", body=SecondStep
)
def second_step(request: Request, principal: Somebody) -> Answer:
    """Signs in with the code."""
    given = bodies.form_body(request, SecondStep)
    who = visitor(request, principal)
    with beside(given, {CodeRefused: "code"}):
        done = sign_in.finish(given.ticket, given.code, who, now=request.now, deadline=request.deadline)
    return _entered(request, done, given.next)


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    password: Secret
    code: Code | None = None
    next: Path = ""


@routes.page("/sign-in/again", permission=Permission.ACCOUNT_READ)
def again_page(request: Request, principal: PersonPrincipal) -> Answer:
    """Asks somebody who is signed in for their password."""
    return _again_page(request, principal, request.query.get("next", ""), BLANK)


def _proof_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    form = again(wrong)
    return _again_page(request, principal, form.values.get("next", ""), form, status=422)


@routes.form("/sign-in/again", permission=Permission.ACCOUNT_WRITE, again=_proof_again, body=Proof)
def prove(request: Request, principal: PersonPrincipal) -> Answer:
    """Renews the proof."""
    given = bodies.form_body(request, Proof)
    with beside(given, {SignInRefused: "password", CodeRefused: "code"}):
        try:
            begun = sign_in.prove_again(
                principal.session, given.password, visitor(request, principal), code=given.code, now=request.now,
                deadline=request.deadline,
            )  # fmt: skip
        except SignInRefused as refused:
            raise FormWrong({"password": "The password is wrong."}, {"next": given.next}) from refused
    path = way_on(given.next, principal.session.user, request)
    return responses.see_other(address(path), cookies=(session_cookie(begun),))


@routes.page("/sign-out", permission=Permission.ACCOUNT_READ)
def sign_out_page(request: Request, principal: PersonPrincipal) -> Answer:
    """Asks whether to sign out."""
    return shown(request, principal, start.SignOut())


def _sign_out_again(request: Request, principal: PersonPrincipal, _: FormWrong) -> Answer:
    return shown(request, principal, start.SignOut(), status=422)


@routes.form("/sign-out", permission=Permission.ACCOUNT_WRITE, again=_sign_out_again, body=Nothing)
def leave(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends the session."""
    sessions.end(principal.session, now=request.now, deadline=request.deadline)
    return outside()


class Reset(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    password: Secret


@routes.page("/reset", permission=Permission.PUBLIC)
def reset_page(request: Request, principal: Somebody) -> Answer:
    """Asks for the address; with a link's token, for the new password."""
    token = request.query.get("token", "")
    if not token:
        return shown(request, principal, start.Reset(mailer=letters.can_send()))
    links.opened(token, "reset", now=request.now)
    return shown(request, principal, start.NewPassword(token=token))


def _reset_again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    return shown(request, principal, start.Reset(mailer=letters.can_send(), form=again(wrong)), status=422)


@routes.form("/reset", permission=Permission.PUBLIC, again=_reset_again, body=Reset)
def send_link(request: Request, principal: Somebody) -> Answer:
    """Sends a letter, whatever is known of the address."""
    given = bodies.form_body(request, Reset)
    with beside(given, {EmailRefused: "email", NoMailer: WHOLE}):
        sign_in.request_reset(given.email, visitor(request, principal), now=request.now, deadline=request.deadline)
    return responses.see_other(address("/reset/mail"))


@routes.page("/reset/mail", permission=Permission.PUBLIC)
def letter_sent(request: Request, principal: Somebody) -> Answer:
    """Says that a letter is on its way."""
    return shown(request, principal, LETTER_SENT)


def _password_again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    token = bodies.form_fields(request).get("token", "")
    return shown(request, principal, start.NewPassword(token=token, form=again(wrong)), status=422)


@routes.form(
    "/reset/password", permission=Permission.PUBLIC, again=_password_again, shown_at="/reset", body=NewPassword
)
def set_password(request: Request, principal: Somebody) -> Answer:
    """Sets the new password. All sessions end."""
    given = bodies.form_body(request, NewPassword)
    with beside(given, {PasswordRefused: "password"}):
        device = sign_in.reset(
            given.token, given.password, visitor(request, principal), now=request.now, deadline=request.deadline
        )
    dropped = (device_cookie(device), cookies.dropped(cookies.SESSION))
    return responses.see_other(address("/sign-in"), cookies=dropped)


def _again_page(request: Request, principal: PersonPrincipal, wanted: str, form: Form, *, status: int = 200) -> Answer:
    user = principal.session.user
    factor = second_factor.is_on(user.user, deadline=request.deadline)
    view = start.Again(email=user.email, second_factor=factor, next=wanted, form=form)
    return shown(request, principal, view, status=status)


def _entered(request: Request, done: SignedIn, wanted: str) -> Answer:
    """On to where they wanted; first to the second factor, where their organisation wants one and they have none."""
    begun = done.begun
    path = "/account" if done.must_enrol else way_on(wanted, begun.session.user, request)
    cookies_set = (session_cookie(begun), device_cookie(done.device))
    return responses.see_other(address(path), cookies=cookies_set)
