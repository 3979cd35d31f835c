"""Members and invitations over JSON."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.identity import invitations, letters, members
from chalicelib.identity.invitations import Invitation, InvitationGone
from chalicelib.identity.members import Belongings, Person
from chalicelib.identity.orgs import org_by_id
from chalicelib.identity.permissions import Permission, Role
from chalicelib.identity.users import LONGEST_ADDRESS
from chalicelib.ids import UserId
from chalicelib.routes.orgs import CHANGE_REFUSALS, ORG, REFUSALS
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.storage import limits
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

MEMBERS: Final = ORG + "/members"
MEMBER: Final = MEMBERS + "/{user}"
INVITATIONS: Final = ORG + "/invitations"
READ: Final = Permission.MEMBERS_READ
WRITE: Final = Permission.MEMBERS_WRITE

Id = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="The `id` of a member.")]

routes = Routes(__name__, TENANT_PROBLEMS)


class RoleChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Another role for a member."""

    role: Role


class Transfer(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be the owner instead."""

    member: Id


class InvitationCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite, and as what."""

    email: Annotated[str, Meta(min_length=3, max_length=LONGEST_ADDRESS)]
    role: Role = Role.MEMBER


class Acceptance(Struct, frozen=True, forbid_unknown_fields=True):
    """What the link of an invitation holds."""

    token: Annotated[str, Meta(max_length=200, extra_json_schema={"format": "password"})]


class MemberView(Struct, frozen=True):
    """A member of an organisation."""

    id: str
    name: str
    email: str
    role: Role
    second_factor: bool
    joined_at: int


class Ending(Struct, frozen=True):
    """What a removal would do: query keys, invitations, connections of apps and views of their own end, ingest keys
    become the remover's and are flagged."""

    query_keys: list[str]
    ingest_keys: list[str]
    invitations: list[str]
    connections: list[str]
    views: list[str]


class MemberDetail(MemberView, frozen=True, kw_only=True):
    """A member of an organisation, and what their removal would end."""

    removal: Ending


class MemberList(Struct, frozen=True):
    """The members of an organisation, in the order of joining."""

    data: list[MemberView]


class InvitationView(Struct, frozen=True):
    """An invitation that is open."""

    id: str
    email: str
    role: Role
    invited_by: str
    created_at: int
    expires_at: int


class InvitationCreated(InvitationView, frozen=True, kw_only=True):
    """A new invitation. Where the deployment sends no mail its link is here, this once, to be passed on."""

    link: str | None


class InvitationList(Struct, frozen=True):
    """The invitations that are open, the newest first."""

    data: list[InvitationView]


class Joined(Struct, frozen=True):
    """Where one is a member now, and as what."""

    org: str
    role: Role


@routes.get(MEMBERS, permission=READ, answers={200: MemberList}, refusals=REFUSALS)
def list_members(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists the members of an organisation."""
    found = members.people_of(principal.org.org, deadline=request.deadline)
    return responses.json(MemberList([_member(person) for person in found]))


@routes.get(MEMBER, permission=READ, answers={200: MemberDetail}, refusals=REFUSALS)
def get_member(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a member, and says what their removal would end."""
    return responses.json(_detail(request, principal))


@routes.patch(
    MEMBER, permission=WRITE, fresh=True, body=RoleChange, answers={200: MemberDetail}, refusals=CHANGE_REFUSALS
)  # fmt: skip
def change_role(request: Request, principal: PersonPrincipal) -> Answer:
    """Gives a member another role, from the next request on. One's own can only be lowered."""
    given = bodies.json_body(request, RoleChange)
    members.change_role(
        _user(request), given.role, by=principal.member, now=request.now, deadline=request.deadline
    )  # fmt: skip
    return responses.json(_detail(request, principal))


@routes.delete(MEMBER, permission=WRITE, fresh=True, answers={204: None}, refusals=CHANGE_REFUSALS)
def remove_member(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends a membership, and with it the query keys and invitations that the member made."""
    members.remove(_user(request), by=principal.member, now=request.now, deadline=request.deadline)
    return responses.nothing()


@routes.delete(ORG + "/membership", permission=Permission.ORG_LEAVE, answers={204: None}, refusals=CHANGE_REFUSALS)
def leave(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends one's own membership. The last owner stays."""
    members.remove(principal.user, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.nothing()


@routes.put(
    ORG + "/owner", permission=Permission.OWNERSHIP_WRITE, fresh=True, body=Transfer, answers={204: None},
    refusals=CHANGE_REFUSALS,
)  # fmt: skip
def transfer_ownership(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes another member the owner, and oneself an admin, at once."""
    given = bodies.json_body(request, Transfer)
    to = UserId(bytes.fromhex(given.member))
    members.transfer_ownership(to, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.nothing()


@routes.get(INVITATIONS, permission=READ, answers={200: InvitationList}, refusals=REFUSALS)
def list_invitations(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists the invitations that are open."""
    found = invitations.invitations_of(principal.org.org, now=request.now, deadline=request.deadline)
    return responses.json(InvitationList([_invitation(each) for each in found]))


@routes.post(
    INVITATIONS, permission=WRITE, fresh=True, body=InvitationCreation, answers={201: InvitationCreated},
    refusals=CHANGE_REFUSALS,
)  # fmt: skip
def invite(request: Request, principal: PersonPrincipal) -> Answer:
    """Invites somebody, by a letter with a link that works once, for seven days, for their address alone.

    A second invitation to an address ends the first.
    """
    given = bodies.json_body(request, InvitationCreation)
    invited = invitations.invite(
        given.email, given.role, by=principal.member, now=request.now, deadline=request.deadline
    )  # fmt: skip
    if letters.can_send():
        inviter = principal.session.user.name
        letters.send(invitations.letter(invited, org=principal.org.name, inviter=inviter), now=request.now)
    link = None if letters.can_send() else invitations.link(invited)
    return responses.json(_created(invited.invitation, link), status=201)


@routes.delete(INVITATIONS + "/{invitation}", permission=WRITE, answers={204: None}, refusals=CHANGE_REFUSALS)
def revoke_invitation(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends an invitation: its link works no more."""
    pending = invitations.invitations_of(principal.org.org, now=request.now, deadline=request.deadline)
    found = next((each for each in pending if each.id.hex() == request.parameters["invitation"]), None)
    if found is None:
        raise NotFound
    invitations.revoke_invitation(found, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.nothing()


@routes.post(
    "/api/invitations/accept", permission=Permission.ACCOUNT_WRITE, body=Acceptance, answers={201: Joined},
    refusals=(400, 401, 403, 409, 410, 413, 415, 422, 429, 503),
)  # fmt: skip
def accept(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes one a member of the organisation that the invitation is to."""
    given = bodies.json_body(request, Acceptance)
    source = limits.source_of(request.source)
    limits.allow("link-source", source, now_ms=request.now_ms, deadline=request.deadline)
    user = principal.session.user
    member = invitations.accept(given.token, user, now=request.now, deadline=request.deadline)
    org = org_by_id(member.org, deadline=request.deadline)
    if org is None:
        raise InvitationGone
    return responses.json(Joined(org.slug, member.role), status=201)


def _detail(request: Request, principal: PersonPrincipal) -> MemberDetail:
    org, user = principal.org.org, _user(request)
    people = members.people_of(org, deadline=request.deadline)
    person = next((each for each in people if each.member.user == user), None)
    if person is None:
        raise NotFound
    ending = _ending(members.belongings(org, user, now=request.now, deadline=request.deadline))
    member = person.member
    return MemberDetail(
        member.user.hex(), person.name, person.email, member.role, person.second_factor, member.joined_at * 1000,
        removal=ending,
    )  # fmt: skip


def _user(request: Request) -> UserId:
    """Whom the path names. What is no id is nobody's."""
    try:
        return UserId(bytes.fromhex(request.parameters["user"]))
    except ValueError as error:
        raise NotFound from error


def _member(person: Person) -> MemberView:
    member = person.member
    return MemberView(
        member.user.hex(), person.name, person.email, member.role, person.second_factor, member.joined_at * 1000
    )  # fmt: skip


def _ending(found: Belongings) -> Ending:
    return Ending(
        [key.key_id for key in found.query_keys],
        [key.key_id for key in found.ingest_keys],
        [each.id.hex() for each in found.invitations],
        [each.id.hex() for each in found.grants],
        [view.id.hex() for left in found.views if left.kind == "own" for view in left.theirs],
    )


def _invitation(each: Invitation) -> InvitationView:
    return InvitationView(
        each.id.hex(), each.email, each.role, each.invited_by.hex(), each.created_at * 1000, each.expires_at * 1000
    )  # fmt: skip


def _created(each: Invitation, link: str | None) -> InvitationCreated:
    return InvitationCreated(
        each.id.hex(), each.email, each.role, each.invited_by.hex(), each.created_at * 1000, each.expires_at * 1000,
        link=link,
    )  # fmt: skip
