"""Signing up, and what mailed links lead to. Opening a link changes nothing: mail programs open links by themselves."""

from typing import Final

from msgspec import Struct

from chalicelib.identity import links, sign_up, users
from chalicelib.identity.names import NameRefused
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.permissions import Permission
from chalicelib.identity.sign_in import SignInRefused
from chalicelib.identity.sign_up import Registered, Wanted
from chalicelib.identity.users import EmailRefused, EmailTaken
from chalicelib.routes.auth import device_cookie, session_cookie, visitor
from chalicelib.routes.pages import first_event
from chalicelib.routes.pages.arrival import inside
from chalicelib.routes.pages.fields import Email, Name, Secret, Token, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.views import start
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.web import bodies, responses
from chalicelib.web.pages import Somebody, shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

routes = Routes(__name__, PAGE_PROBLEMS)

CHECK_MAIL: Final = start.Told(
    title="Look into your mail",
    sentences=("We sent a letter to the address that you gave. Its link works once, within the hour.",),
    links=(("Back to the first page", "/"),),
    mailed=True,
)
MOVED: Final = start.Told(
    title="Your address is confirmed",
    sentences=("From now on you sign in with it.",),
    links=(("Your account", "/account"),),
)


class SignUp(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    email: Email
    password: Secret
    org_name: Name


@routes.page("/sign-up", permission=Permission.PUBLIC)
def sign_up_page(request: Request, principal: Somebody) -> Answer:
    """Asks for what an account needs."""
    return _sign_up_page(request, principal, BLANK)


def _sign_up_again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    return _sign_up_page(request, principal, again(wrong), status=422)


@routes.form("/sign-up", permission=Permission.PUBLIC, again=_sign_up_again, once=True, body=SignUp)
def register(request: Request, principal: Somebody) -> Answer:
    """Makes everything, or sends a letter first."""
    given = bodies.form_body(request, SignUp)
    wanted = Wanted(given.email, given.password, given.name, given.org_name)
    mistakes = {EmailRefused: "email", EmailTaken: "email", PasswordRefused: "password", NameRefused: "name"}
    with beside(given, mistakes):
        made = sign_up.register(wanted, visitor(request, principal), now=request.now, deadline=request.deadline)
    return responses.see_other(address("/sign-up/mail")) if made is None else _welcome(request, made)


@routes.page("/sign-up/mail", permission=Permission.PUBLIC)
def check_mail(request: Request, principal: Somebody) -> Answer:
    """Says that a letter is on its way."""
    return shown(request, principal, CHECK_MAIL)


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    password: Secret = ""


@routes.page("/confirm", permission=Permission.PUBLIC)
def confirm_page(request: Request, principal: Somebody) -> Answer:
    """Asks to go on, with what the link is for."""
    return _confirm_page(request, principal, request.query.get("token", ""), BLANK)


def _confirm_again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    token = bodies.form_fields(request).get("token", "")
    return _confirm_page(request, principal, token, again(wrong), status=422)


@routes.form("/confirm", permission=Permission.PUBLIC, again=_confirm_again, once=True, body=Confirmation)
def confirm(request: Request, principal: Somebody) -> Answer:
    """Does what the link is for."""
    given = bodies.form_body(request, Confirmation)
    if links.opened(given.token, "sign-up", "email", now=request.now).purpose == "email":
        users.confirm_email(given.token, now=request.now, deadline=request.deadline)
        return responses.see_other(address("/confirm/done"))
    who = visitor(request, principal)
    try:
        made = sign_up.confirm(given.token, given.password, who, now=request.now, deadline=request.deadline)
    except SignInRefused as refused:
        raise FormWrong({"password": "This is not the password that you chose."}, {}) from refused
    return _welcome(request, made)


@routes.page("/confirm/done", permission=Permission.PUBLIC)
def confirmed(request: Request, principal: Somebody) -> Answer:
    """Says that the address is confirmed."""
    return shown(request, principal, MOVED)


def _sign_up_page(request: Request, principal: Somebody, form: Form, *, status: int = 200) -> Answer:
    is_open = sign_up.is_open(deadline=request.deadline)
    return shown(request, principal, start.SignUp(open=is_open, form=form), status=status)


def _confirm_page(request: Request, principal: Somebody, token: str, form: Form, *, status: int = 200) -> Answer:
    purpose = links.opened(token, "sign-up", "email", now=request.now).purpose
    if purpose == "email":
        view = start.Confirm(
            title="Confirm your address", token=token, sentence="From then on you sign in with the new address.",
            action="Confirm the address", password=False, form=form,
        )  # fmt: skip
    else:
        view = start.Confirm(
            title="Confirm your account", token=token, action="Make the account", password=True, form=form,
            sentence="This makes your account, your organisation and its first project.",
        )  # fmt: skip
    return shown(request, principal, view, status=status)


def _welcome(request: Request, made: Registered) -> Answer:
    """The page that waits for the first event, with the key that it alone shows."""
    begun = made.signed_in.begun
    principal = inside(begun, made.org.slug, made.project.slug, request)
    cookies = (session_cookie(begun), device_cookie(made.signed_in.device))
    return shown(request, principal, first_event.waiting(request, principal, made.ingest_key.text), cookies=cookies)
