"""The page behind an invitation's link."""

from typing import Final

from msgspec import Struct

from chalicelib.identity import invitations, joining, users
from chalicelib.identity.invitations import InvitedSomebodyElse, Opened
from chalicelib.identity.membership import AlreadyMember, Member
from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import org_by_id
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.permissions import Permission
from chalicelib.identity.users import EmailTaken
from chalicelib.routes.auth import device_cookie, session_cookie, visitor
from chalicelib.routes.pages.fields import WHOLE, Name, Secret, Token, again, beside
from chalicelib.routes.pages.members import MEANING
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.views import start
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import Somebody, shown
from chalicelib.web.problems import FormWrong, NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

INVITATION: Final = "/invitation"

routes = Routes(__name__, PAGE_PROBLEMS)


class Acceptance(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token


class Newcomer(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    name: Name
    password: Secret


@routes.page(INVITATION, permission=Permission.PUBLIC)
def invitation(request: Request, principal: Somebody) -> Answer:
    """Says who invites whom to what."""
    return _invitation_page(request, principal, request.query.get("token", ""), BLANK)


def _again(request: Request, principal: Somebody, wrong: FormWrong) -> Answer:
    token = bodies.form_fields(request).get("token", "")
    return _invitation_page(request, principal, token, again(wrong), status=422)


@routes.form(INVITATION, permission=Permission.ACCOUNT_WRITE, again=_again, body=Acceptance)
def accept(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes somebody who is signed in a member."""
    given = bodies.form_body(request, Acceptance)
    with beside(given, {InvitedSomebodyElse: WHOLE, AlreadyMember: WHOLE}):
        member = invitations.accept(given.token, principal.session.user, now=request.now, deadline=request.deadline)
    return responses.see_other(_org_address(member, request))


@routes.form("/invitation/account", permission=Permission.PUBLIC, again=_again, shown_at=INVITATION, body=Newcomer)
def join(request: Request, principal: Somebody) -> Answer:
    """Makes an account for somebody who was invited, and them a member."""
    given = bodies.form_body(request, Newcomer)
    mistakes = {NameRefused: "name", PasswordRefused: "password", EmailTaken: WHOLE}
    with beside(given, mistakes):
        joined = joining.join(
            given.token, given.name, given.password, visitor(request, principal), now=request.now,
            deadline=request.deadline,
        )  # fmt: skip
    cookies = (session_cookie(joined.signed_in.begun), device_cookie(joined.signed_in.device))
    return responses.see_other(_org_address(joined.member, request), cookies=cookies)


def _org_address(member: Member, request: Request) -> str:
    org = org_by_id(member.org, deadline=request.deadline)
    return address(f"/orgs/{org.slug}" if org else "/orgs")


def _invitation_page(request: Request, principal: Somebody, token: str, form: Form, *, status: int = 200) -> Answer:
    found = invitations.opened(token, now=request.now, deadline=request.deadline)
    return shown(request, principal, _view(request, principal, found, token, form), status=status)


def _view(request: Request, principal: Somebody, found: Opened, token: str, form: Form) -> start.Invitation:
    wanted = found.invitation
    org = org_by_id(wanted.org, deadline=request.deadline)
    inviter = users.by_id(wanted.invited_by, deadline=request.deadline)
    if org is None or inviter is None:
        raise NotFound
    person = principal.session.user if isinstance(principal, PersonPrincipal) else None
    other = person is not None and not invitations.is_for(wanted, person.email)
    return start.Invitation(
        title=f"Join {org.name}", token=token, org=org.name, role=wanted.role.capitalize(),
        meaning=f"{MEANING[wanted.role]}.", inviter=inviter.name, email=wanted.email, mismatch=other,
        way_back=f"{INVITATION}?token={token}", may_register=True, form=form,
    )  # fmt: skip
