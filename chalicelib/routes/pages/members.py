"""People of an organisation: who is in, who is invited, and what a removal ends, said before it does."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from chalicelib.identity import invitations, letters, members, users
from chalicelib.identity.invitations import Invitation, InvitationGone
from chalicelib.identity.members import Belongings, Person
from chalicelib.identity.membership import AlreadyMember
from chalicelib.identity.orgs import LastOwner
from chalicelib.identity.permissions import Permission, Role
from chalicelib.identity.roles import LOWER, OVER, RoleRefused
from chalicelib.identity.users import EmailRefused
from chalicelib.ids import UserId
from chalicelib.outside.mail import MailNotSent
from chalicelib.routes.pages.fields import WHOLE, Email, Nothing, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_org, org_path
from chalicelib.routes.pages.views import people
from chalicelib.routes.pages.views.forms import BLANK, Choice, Form, saved
from chalicelib.storage import audit
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong, NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

MEMBERS: Final = "/orgs/{org}/members"
MEMBER: Final = MEMBERS + "/{user}"
INVITATIONS: Final = "/orgs/{org}/invitations"
READ: Final = Permission.MEMBERS_READ
WRITE: Final = Permission.MEMBERS_WRITE

MEANING: Final[Mapping[Role, str]] = {
    Role.MEMBER: "reads events, lets apps read them, saves views, marks deploys and patterns; sees people and keys",
    Role.ADMIN: "also manages projects, keys, connections, people and settings, and reads the audit log",
    Role.OWNER: "also makes and unmakes owners, hands the organisation on, and deletes it and its projects",
}
"""What `permissions.GRANTS` and `roles.OVER` say, in words. Each later one has all that the ones before have."""

SAVED: Final = {
    "invited": "The invitation is on its way.",
    "withdrawn": "The invitation ended: its link works no more.",
    "role": "The role is changed, and holds from the next click on.",
}
NOTICED_SECONDS: Final = 60
"""How long after a removal the page that it leads to says whom it was."""

routes = Routes(__name__, PAGE_PROBLEMS)


class NewInvitation(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    role: Literal["member", "admin", "owner"]


class NewRole(Struct, frozen=True, forbid_unknown_fields=True):
    role: Literal["member", "admin", "owner"]


@routes.page(MEMBERS, permission=READ)
def list_members(request: Request, principal: PersonPrincipal) -> Answer:
    """Who is in the organisation, and who is invited."""
    told = _removed(request, principal) if request.query.get("saved") == "removed" else _told(request)
    return _members_page(request, principal, told=told)


def _invite_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _members_page(request, principal, form=again(wrong), status=422)


@routes.form(
    INVITATIONS, permission=WRITE, fresh=True, again=_invite_again, shown_at=MEMBERS, once=True, body=NewInvitation
)
def invite(request: Request, principal: PersonPrincipal) -> Answer:
    """Invites somebody by letter; without a mailer the answer alone shows the link."""
    given = bodies.form_body(request, NewInvitation)
    mistakes = {
        EmailRefused: "email", AlreadyMember: "email", RoleRefused: "role", invitations.TooManyInvitations: WHOLE,
    }  # fmt: skip
    with beside(given, mistakes):
        made = invitations.invite(
            given.email, Role(given.role), by=principal.member, now=request.now, deadline=request.deadline
        )
    if not letters.can_send():
        told = saved(f"{given.email} is invited.")
        return _members_page(request, principal, link=invitations.link(made), told=told)
    with beside(given, {MailNotSent: WHOLE}):
        org, inviter = principal.org.name, principal.session.user.name
        letters.send(invitations.letter(made, org=org, inviter=inviter), now=request.now)
    return _saved(principal, "invited")


def _members_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _members_page(request, principal, told=again(wrong), status=422)


@routes.form(INVITATIONS + "/{invitation}/withdraw", permission=WRITE, again=_members_again, shown_at=MEMBERS)
def withdraw(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends an invitation."""
    named = request.parameters["invitation"]
    found = invitations.invitations_of(principal.org.org, now=request.now, deadline=request.deadline)
    invitation = next((each for each in found if each.id.hex() == named), None)
    if invitation is None:
        raise NotFound
    with beside(Nothing(), {RoleRefused: WHOLE, InvitationGone: WHOLE}):
        invitations.revoke_invitation(invitation, by=principal.member, now=request.now, deadline=request.deadline)
    return _saved(principal, "withdrawn")


@routes.page(MEMBER, permission=READ)
def member(request: Request, principal: PersonPrincipal) -> Answer:
    """One member: what they may do, and what their removal would end."""
    return _member_page(request, principal, told=_told(request))


def _role_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _member_page(request, principal, form=again(wrong), status=422)


@routes.form(MEMBER + "/role", permission=WRITE, fresh=True, again=_role_again, shown_at=MEMBER, body=NewRole)
def change_role(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a member another role."""
    given = bodies.form_body(request, NewRole)
    with beside(given, {RoleRefused: "role", LastOwner: "role"}):
        members.change_role(
            _named(request), Role(given.role), by=principal.member, now=request.now, deadline=request.deadline
        )
    return _saved(principal, "role")


@routes.form(MEMBER + "/remove", permission=WRITE, fresh=True, again=_role_again, shown_at=MEMBER)
def remove(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends a membership, and all that hangs on it."""
    with beside(Nothing(), {RoleRefused: WHOLE, LastOwner: WHOLE}):
        members.remove(_named(request), by=principal.member, now=request.now, deadline=request.deadline)
    return _saved(principal, "removed")


def _members_page(
    request: Request, principal: PersonPrincipal, *, form: Form = BLANK, told: Form = BLANK, link: str = "",
    status: int = 200,
) -> Answer:  # fmt: skip
    org = principal.org.org
    found = members.people_of(org, deadline=request.deadline)
    names = {person.member.user: person.name for person in found}
    pending = invitations.invitations_of(org, now=request.now, deadline=request.deadline)
    how = "We send a link that works once, for seven days."
    view = people.Members(
        crumbs=at_org(principal), here=f"{org_path(principal)}/members",
        invitations_at=f"{org_path(principal)}/invitations",
        members=tuple(_row(person, principal) for person in found),
        invitations=tuple(_invitation_row(each, names) for each in pending),
        may_write=WRITE in principal.may, roles=_choices(OVER[principal.member.role]),
        how=how if letters.can_send() else "You get a link to pass on. It works once, for seven days.",
        link=link, form=form, saved=told,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _member_page(
    request: Request, principal: PersonPrincipal, *, form: Form = BLANK, told: Form = BLANK, status: int = 200
) -> Answer:
    user, by = _named(request), principal.member
    found = members.people_of(by.org, deadline=request.deadline)
    person = next((each for each in found if each.member.user == user), None)
    if person is None:
        raise NotFound
    role, own = person.member.role, user == by.user
    may = WRITE in principal.may and not own and role in OVER[by.role]
    lower = LOWER[role] if WRITE in principal.may else frozenset()
    roles = OVER[by.role] if may else frozenset({role}) | lower if own and lower else frozenset()
    belongings = members.belongings(by.org, user, now=request.now, deadline=request.deadline)
    view = people.Member(
        title=person.name, crumbs=(*at_org(principal), ("People", f"{org_path(principal)}/members")),
        here=f"{org_path(principal)}/members/{user.hex()}", email=person.email, role=role.capitalize(),
        since=person.member.joined_at, second_factor=person.second_factor, roles=_choices(roles),
        ends=tuple(_ends(belongings, person.name, principal.org.name)), refusal=_refusal(own=own, may=may),
        form=form if form is not BLANK else Form(values={"role": role.value}), saved=told,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _refusal(*, own: bool, may: bool) -> str:
    if own:
        return "This is you. The way out is under Organisation."
    return "" if may else "Your role does not reach far enough to change or remove this member."


def _ends(found: Belongings, name: str, org: str) -> list[str]:
    """What a removal does, in sentences."""
    ends = []
    if found.query_keys:
        labels = ", ".join(f"“{key.label}”" for key in found.query_keys)
        ends.append(f"{_count(len(found.query_keys), 'query key')} that {name} made will end: {labels}.")
    if found.ingest_keys:
        labels = ", ".join(f"“{key.label}”" for key in found.ingest_keys)
        ends.append(
            f"{_count(len(found.ingest_keys), 'ingest key')} will go on as yours, marked for rotation: {labels}."
        )
    if found.grants:
        apps = ", ".join(f"“{each.client_name or each.client_host or each.client_id}”" for each in found.grants)
        ends.append(f"{_count(len(found.grants), 'connected app')} that {name} let in will end: {apps}.")
    if found.invitations:
        ends.append(f"{_count(len(found.invitations), 'open invitation')} of theirs will end.")
    if own := sum(len(left.theirs) for left in found.views if left.kind == "own"):
        ends.append(f"{_count(own, 'saved view')} of their own will go; what they saved for everyone stays.")
    return [*ends, f"{name} sees nothing of {org} any more. Their account and their other organisations stay."]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _row(person: Person, principal: PersonPrincipal) -> people.MemberRow:
    member = person.member
    return people.MemberRow(
        member.user.hex(), person.name, person.email, member.role.capitalize(), person.second_factor,
        member.joined_at, member.user == principal.user,
    )  # fmt: skip


def _invitation_row(each: Invitation, names: Mapping[UserId, str]) -> people.InvitationRow:
    by = names.get(each.invited_by, "somebody who left")
    return people.InvitationRow(each.id.hex(), each.email, each.role.capitalize(), by, each.expires_at)


def _choices(roles: frozenset[Role]) -> tuple[Choice, ...]:
    return tuple((role.value, role.capitalize(), meaning) for role, meaning in MEANING.items() if role in roles)


def _named(request: Request) -> UserId:
    try:
        return UserId(bytes.fromhex(request.parameters["user"]))
    except ValueError as error:
        raise NotFound from error


def _removed(request: Request, principal: PersonPrincipal) -> Form:
    """Says whom the reader removed. It stands in the audit log, and not in the address, which anybody can make up."""
    own = audit.Filter(actor=principal.user.hex(), action="member.remove", since=request.now - NOTICED_SECONDS)
    done = audit.search(principal.org.org, own, limit=1, deadline=request.deadline).data
    person = users.by_id(UserId(bytes.fromhex(done[0].target)), deadline=request.deadline) if done else None
    return saved(f"{person.name if person else 'The member'} is removed.")


def _told(request: Request) -> Form:
    text = SAVED.get(request.query.get("saved", ""))
    return saved(text) if text else BLANK


def _saved(principal: PersonPrincipal, what: str) -> Answer:
    return responses.see_other(address(f"{org_path(principal)}/members?saved={what}"))
