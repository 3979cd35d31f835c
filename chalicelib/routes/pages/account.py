"""One's own account: name, address, password, second factor, sessions."""

from typing import Final, Literal

from msgspec import Struct

from chalicelib.identity import letters, second_factor, sessions, sign_in, users
from chalicelib.identity.names import NameRefused
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.permissions import Permission
from chalicelib.identity.second_factor import CodeRefused, FactorPresent
from chalicelib.identity.sessions import Listed
from chalicelib.identity.sign_in import SignInRefused
from chalicelib.identity.users import EmailRefused, EmailTaken
from chalicelib.routes.account_shapes import FactorCode, NewName
from chalicelib.routes.auth import session_cookie, visitor
from chalicelib.routes.pages.agents import agent_name
from chalicelib.routes.pages.arrival import outside
from chalicelib.routes.pages.fields import Email, Nothing, Secret, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.qr import qr_code
from chalicelib.routes.pages.views import people
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

ACCOUNT: Final = "/account"
WRITE: Final = Permission.ACCOUNT_WRITE

SAVED: Final = {
    "name": "Your name is changed.",
    "email": "Your address is changed.",
    "letter": "A letter is on its way to the new address. It changes when you open its link.",
    "password": "Your password is changed, and all other sessions ended.",
    "factor": "The second factor is off. All other sessions ended.",
    "session": "That session ended.",
    "sessions": "All other sessions ended.",
}
"""What the page says after each form, by the word that the redirect carries."""

routes = Routes(__name__, PAGE_PROBLEMS)


class NewEmail(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    current_password: Secret
    password: Secret


class FactorChange(FactorCode, frozen=True, forbid_unknown_fields=True):
    what: Literal["codes", "off"]


class SessionsEnd(Struct, frozen=True, forbid_unknown_fields=True):
    which: Literal["others", "all"]


class _Forms(Struct, frozen=True, kw_only=True):
    """The forms of the page that are not as they are when nothing was typed."""

    name: Form | None = None
    email: Form = BLANK
    password: Form = BLANK
    factor: Form = BLANK
    saved: Form = BLANK


UNTOUCHED: Final = _Forms()


@routes.page(ACCOUNT, permission=Permission.ACCOUNT_READ)
def account(request: Request, principal: PersonPrincipal) -> Answer:
    """Shows the account."""
    told = SAVED.get(request.query.get("saved", ""))
    return _shown(request, principal, _Forms(saved=saved(told) if told else BLANK))


def _name_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _shown(request, principal, _Forms(name=again(wrong)), status=422)


@routes.form("/account/name", permission=WRITE, again=_name_again, shown_at=ACCOUNT, body=NewName)
def rename(request: Request, principal: PersonPrincipal) -> Answer:
    """Changes how somebody is called."""
    given = bodies.form_body(request, NewName)
    with beside(given, {NameRefused: "name"}):
        users.rename(principal.user, given.name, now=request.now, deadline=request.deadline)
    return _saved("name")


def _email_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _shown(request, principal, _Forms(email=again(wrong)), status=422)


@routes.form("/account/email", permission=WRITE, fresh=True, again=_email_again, shown_at=ACCOUNT, body=NewEmail)
def move(request: Request, principal: PersonPrincipal) -> Answer:
    """Moves the account to another address, or sends a letter there first."""
    given = bodies.form_body(request, NewEmail)
    with beside(given, {EmailRefused: "email", EmailTaken: "email"}):
        user = principal.session.user
        done = users.request_email(user, given.email, now=request.now, deadline=request.deadline)
    return _saved("email" if done else "letter")


def _password_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _shown(request, principal, _Forms(password=again(wrong)), status=422)


@routes.form(
    "/account/password", permission=WRITE, fresh=True, again=_password_again, shown_at=ACCOUNT, body=NewPassword
)
def change_password(request: Request, principal: PersonPrincipal) -> Answer:
    """Sets a new password. All other sessions end."""
    given = bodies.form_body(request, NewPassword)
    with beside(given, {PasswordRefused: "password"}):
        try:
            begun = sign_in.change_password(
                principal.session, given.current_password, given.password, visitor(request, principal),
                now=request.now, deadline=request.deadline,
            )  # fmt: skip
        except SignInRefused as refused:
            raise FormWrong({"current_password": "This is not your current password."}, {}) from refused
    return _saved("password", session_cookie(begun))


def _setup_again(request: Request, principal: PersonPrincipal, _: FormWrong) -> Answer:
    return _shown(request, principal, status=422)


@routes.form("/account/second-factor", permission=WRITE, fresh=True, again=_setup_again, shown_at=ACCOUNT, once=True)
def set_up(request: Request, principal: PersonPrincipal) -> Answer:
    """Begins to set up a second factor: the one page that shows its key."""
    user = principal.session.user
    with beside(Nothing(), {FactorPresent: "code"}):
        given = second_factor.enrol(user, now=request.now, deadline=request.deadline)
    view = people.FactorSetup(secret=given.secret, qr=qr_code(given.uri))
    return shown(request, principal, view)


def _code_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return shown(request, principal, people.FactorCode(form=again(wrong)), status=422)


@routes.form(
    "/account/second-factor/confirm", permission=WRITE, fresh=True, again=_code_again, shown_at=ACCOUNT, once=True,
    body=FactorCode,
)  # fmt: skip
def turn_on(request: Request, principal: PersonPrincipal) -> Answer:
    """Turns the second factor on, and shows the recovery codes."""
    given = bodies.form_body(request, FactorCode)
    with beside(given, {CodeRefused: "code"}):
        done = second_factor.confirm(
            principal.session, given.code, visitor(request, principal), now=request.now, deadline=request.deadline
        )
    now = PersonPrincipal(done.begun.session, done.begun.cookie, None, principal.may)
    view = people.RecoveryCodes(codes=done.recovery_codes)
    return shown(request, now, view, cookies=(session_cookie(done.begun),))


def _factor_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _shown(request, principal, _Forms(factor=again(wrong)), status=422)


@routes.form(
    "/account/second-factor/change", permission=WRITE, fresh=True, again=_factor_again, shown_at=ACCOUNT, once=True,
    body=FactorChange,
)  # fmt: skip
def change_factor(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes new recovery codes, or turns the second factor off."""
    given = bodies.form_body(request, FactorChange)
    with beside(given, {CodeRefused: "code"}):
        if given.what == "codes":
            codes = second_factor.renew_recovery_codes(
                principal.session.user, given.code, now=request.now, deadline=request.deadline
            )
            return shown(request, principal, people.RecoveryCodes(codes=codes))
        begun = second_factor.disable(
            principal.session, given.code, visitor(request, principal), now=request.now, deadline=request.deadline
        )
    return _saved("factor", session_cookie(begun))


def _button_again(request: Request, principal: PersonPrincipal, _: FormWrong) -> Answer:
    return _shown(request, principal, status=422)


@routes.form(
    "/account/sessions/end", permission=WRITE, fresh=True, again=_button_again, shown_at=ACCOUNT, body=SessionsEnd
)
def end_sessions(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends all other sessions, or all."""
    if bodies.form_body(request, SessionsEnd).which == "others":
        sessions.end_others(principal.session, now=request.now, deadline=request.deadline)
        return _saved("sessions")
    sessions.end_all(principal.session.user, now=request.now, deadline=request.deadline)
    return outside()


@routes.form("/account/sessions/{session}/end", permission=WRITE, fresh=True, again=_button_again, shown_at=ACCOUNT)
def end_one(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends one of somebody's own sessions."""
    sessions.end_one(principal.user, request.parameters["session"], now=request.now, deadline=request.deadline)
    return _saved("session")


def _shown(request: Request, principal: PersonPrincipal, forms: _Forms = UNTOUCHED, *, status: int = 200) -> Answer:
    user = principal.session.user
    listed = sessions.sessions_of(user, now=request.now, deadline=request.deadline)
    has_factor = second_factor.is_on(user.user, deadline=request.deadline)
    view = people.Account(
        name=forms.name or Form(values={"name": user.name}),
        email=forms.email,
        email_hint="We send a link there; the address changes when you open it." if letters.can_send() else "",
        password=forms.password,
        second_factor=has_factor,
        codes_left=second_factor.recovery_codes_left(user.user, deadline=request.deadline) if has_factor else 0,
        factor=forms.factor,
        sessions=tuple(_row(one, principal) for one in listed),
        saved=forms.saved,
    )
    return shown(request, principal, view, status=status)


def _row(one: Listed, principal: PersonPrincipal) -> people.SessionRow:
    current = one.handle == principal.session.handle.hex()
    return people.SessionRow(one.handle, agent_name(one.agent), one.source, one.created_at, current)


def _saved(what: str, *cookies: str) -> Answer:
    return responses.see_other(address(f"{ACCOUNT}?saved={what}"), cookies=cookies)
