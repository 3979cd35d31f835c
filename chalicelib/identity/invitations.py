"""Invitations: a link that makes whoever has its address a member, once.

    tenants  i+id   -       the invitation, with the hash of the link's secret
    tenants  o+org  i+id    its twin, which the organisation lists
    tenants  a+hash i+id    the same, by the hash of the address: so that it ends with who has that

It is as good as whoever made it: it works only while they are still in the organisation, by the same membership, and in
a role that may give what it gives.
"""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity import users
from chalicelib.identity.membership import (
    AlreadyMember,
    Member,
    actor,
    add_member,
    attest,
    membership,
    still,
)
from chalicelib.identity.orgs import check_org, count_owner
from chalicelib.identity.permissions import Role
from chalicelib.identity.roles import OVER, check_giving
from chalicelib.identity.users import User
from chalicelib.ids import OrgId, UserId
from chalicelib.outside.mail import Mail
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Fields, commit, present
from chalicelib.storage.items import LISTED_LONGER_SECONDS, Item, item, items
from chalicelib.storage.tables import keys

LIFETIME: Final = 7 * 86_400
"""Seconds for which an invitation stands."""

MOST_PENDING: Final = 100
"""Of one organisation: each may send a letter to somebody who did not ask for it."""

ID_BYTES: Final = 13
"""With the secret a multiple of three: base64 needs no padding."""
SECRET_BYTES: Final = 32


class InvitationGone(Exception):
    """Not an invitation that works now: unknown, too old, used, revoked, or of somebody who may invite no longer."""

    def __init__(self) -> None:
        super().__init__("This invitation does not work any more. Ask for a new one.")


class InvitedSomebodyElse(Exception):
    """The invitation is for another address than that of who is signed in."""

    def __init__(self) -> None:
        super().__init__("This invitation is for another address than that of your account.")


class TooManyInvitations(Exception):
    def __init__(self) -> None:
        super().__init__(f"At most {MOST_PENDING} invitations can be open. Revoke one that is not needed.")


class Invitation(Struct, frozen=True):
    """One that is open. Times are in seconds."""

    id: bytes
    org: OrgId
    email: str
    role: Role
    invited_by: UserId
    membership: bytes
    """By which the inviter was a member."""
    created_at: int
    expires_at: int


class Invited(Struct, frozen=True):
    """A new invitation with the only copy of its link's token."""

    invitation: Invitation
    token: str

    def __repr__(self) -> str:
        return f"Invited({self.invitation.id.hex()})"


class Opened(Struct, frozen=True):
    """An invitation that works, and the power behind it."""

    invitation: Invitation
    inviter: Member


def invite(email: str, role: Role, *, by: Member, now: int, deadline: float | None = None) -> Invited:
    """A new invitation to the inviter's organisation. One that was open for the same address ends.

    Raises `RoleRefused`, `EmailRefused`, `AlreadyMember`, `TooManyInvitations`, `OrgGone`, `AuthorityLost` and
    `StoreUnavailable`.
    """
    check_giving(by.role, role)
    address = users.checked_email(email)
    known = users.by_email(address, deadline=deadline)
    if known is not None and membership(by.org, known.user, deadline=deadline) is not None:
        raise AlreadyMember
    pending = invitations_of(by.org, now=now, deadline=deadline)
    replaced = [each for each in pending if is_for(each, address)]
    if len(pending) - len(replaced) >= MOST_PENDING:
        raise TooManyInvitations
    made = Invitation(
        secrets.token_bytes(ID_BYTES), by.org, address, role, by.user, by.membership, now, now + LIFETIME
    )  # fmt: skip
    secret = secrets.token_bytes(SECRET_BYTES)
    change = Change()
    attest(change, by)
    check_org(change, by.org)
    for old in replaced:
        add_revocation(change, old, by=actor(by), at=now)
    _put(change, made, secret)
    audit.record(
        change, by.org, actor=actor(by), action="invitation.create", target=made.id.hex(), at=now,
        after={"email": users.email_hint(address), "role": role.value},
    )  # fmt: skip
    commit(change, deadline=deadline)
    return Invited(made, urlsafe_b64encode(made.id + secret).decode())


def is_for(invitation: Invitation, email: str) -> bool:
    """Whether that is the address that was invited, however it is written."""
    return users.email_digest(invitation.email) == users.email_digest(email)  # digest: of addresses, not of secrets


def link(invited: Invited) -> str:
    """What the invitation's letter leads to."""
    return f"{settings.current().url}/invitation?token={invited.token}"


def letter(invited: Invited, *, org: str, inviter: str) -> Mail:
    """To whoever is invited; `org` and `inviter` are names."""
    text = (
        f"{inviter} invites you to {org} on Scrywatch. To join, open this link within seven days:\n\n"
        f"{link(invited)}\n\n"
        "It works once. If you do not know what this is about, do nothing.\n"
    )
    return Mail(invited.invitation.email, f"{inviter} invites you to {org} on Scrywatch", text)


def opened(token: str, *, now: int, deadline: float | None = None) -> Opened:
    """The invitation that a link's token is of. Raises `InvitationGone` and `StoreUnavailable`."""
    identity, secret = _parts(token)
    stored = item(keys.TENANTS, keys.invitation_partition(identity), keys.ONLY, deadline=deadline)
    expected = stored["digest"].binary if stored else bytes(32)
    if not hmac.compare_digest(_digest(secret), expected) or stored is None:
        raise InvitationGone
    invitation = _invitation(stored)
    inviter = membership(invitation.org, invitation.invited_by, deadline=deadline)
    if invitation.expires_at <= now or inviter is None or inviter.membership != invitation.membership:
        raise InvitationGone
    if invitation.role not in OVER[inviter.role]:
        raise InvitationGone
    return Opened(invitation, inviter)


def accept(token: str, user: User, *, now: int, deadline: float | None = None) -> Member:
    """Makes somebody who is signed in a member.

    Raises `InvitationGone`, `InvitedSomebodyElse`, `AlreadyMember`, `OrgGone`, `ChangedMeanwhile` and
    `StoreUnavailable`.
    """
    found = opened(token, now=now, deadline=deadline)
    if not is_for(found.invitation, user.email):
        raise InvitedSomebodyElse
    change = Change()
    users.check_here(change, user.user)
    member = add_acceptance(change, found, user.user, at=now)
    commit(change, deadline=deadline)
    return member


def add_acceptance(change: Change, found: Opened, user: UserId, *, at: int) -> Member:
    """Adds the membership, and the end of the invitation: whoever has its address has it proved by the link.

    Committing raises `InvitationGone`, `AlreadyMember` and `OrgGone`.
    """
    invitation, inviter = found.invitation, found.inviter
    if user == inviter.user:
        raise AlreadyMember
    change.check(
        keys.TENANTS, keys.org_partition(inviter.org), keys.member_sort(inviter.user), still(inviter, InvitationGone())
    )
    _delete(change, invitation)
    if invitation.role is Role.OWNER:
        count_owner(change, invitation.org, 1)
    else:
        check_org(change, invitation.org)
    member = add_member(change, invitation.org, user, invitation.role, at=at)
    audit.record(
        change, invitation.org, actor=audit.person(user), action="member.join", target=user.hex(), at=at,
        before={"invitation": invitation.id.hex()}, after={"role": invitation.role.value},
    )  # fmt: skip
    return member


def revoke_invitation(invitation: Invitation, *, by: Member, now: int, deadline: float | None = None) -> None:
    """Ends it: the link works no more. Raises `RoleRefused`, `InvitationGone`, `AuthorityLost`, `StoreUnavailable`."""
    check_giving(by.role, invitation.role)
    change = Change()
    attest(change, by)
    add_revocation(change, invitation, by=actor(by), at=now)
    commit(change, deadline=deadline)


def add_revocation(change: Change, invitation: Invitation, *, by: Actor, at: int) -> None:
    """Adds the end of an invitation. Committing raises `InvitationGone`."""
    _delete(change, invitation)
    audit.record(
        change, invitation.org, actor=by, action="invitation.revoke", target=invitation.id.hex(), at=at,
        before={"email": users.email_hint(invitation.email), "role": invitation.role.value},
    )  # fmt: skip


def invitations_of(org: OrgId, *, now: int, deadline: float | None = None) -> list[Invitation]:
    """Those that are open, the newest first. Raises `StoreUnavailable`."""
    rows = items(keys.TENANTS, keys.org_partition(org), keys.INVITATION, deadline=deadline)
    found = [invitation for invitation in map(_invitation, rows) if invitation.expires_at > now]
    return sorted(found, key=lambda invitation: (-invitation.created_at, invitation.id))


def _put(change: Change, invitation: Invitation, secret: bytes) -> None:
    listed: Fields = {
        "invitation": invitation.id, "org": invitation.org, "email": invitation.email, "role": invitation.role.value,
        "user": invitation.invited_by, "membership": invitation.membership, "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }  # fmt: skip
    by_id, twin, by_address = _places(invitation)
    change.put(keys.TENANTS, *by_id, {**listed, "digest": _digest(secret)})
    led = {name: listed[name] for name in ("invitation", "org", "created_at")}
    listed_until: Fields = {"expires_at": invitation.expires_at + LISTED_LONGER_SECONDS}
    change.put(keys.TENANTS, *twin, {**listed, **listed_until})
    change.put(keys.TENANTS, *by_address, {**led, **listed_until})


def _delete(change: Change, invitation: Invitation) -> None:
    by_id, *twins = _places(invitation)
    change.delete(keys.TENANTS, *by_id, present(InvitationGone()))
    for twin in twins:
        change.delete(keys.TENANTS, *twin)


def _places(invitation: Invitation) -> tuple[tuple[bytes, bytes], ...]:
    """Of the invitation by its id, and of its twins."""
    sort = keys.invitation_sort(invitation.id)
    return (
        (keys.invitation_partition(invitation.id), keys.ONLY),
        (keys.org_partition(invitation.org), sort),
        (keys.address_invitations_partition(users.email_digest(invitation.email)), sort),
    )


def _parts(token: str) -> tuple[bytes, bytes]:
    try:
        packed = urlsafe_b64decode(token.encode("ascii"))
    except (ValueError, binascii.Error) as error:
        raise InvitationGone from error
    # Decoding is lenient, and one token must not have many forms.
    if len(packed) != ID_BYTES + SECRET_BYTES or len(token) != len(urlsafe_b64encode(packed)):
        raise InvitationGone
    return packed[:ID_BYTES], packed[ID_BYTES:]


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()


def _invitation(stored: Item) -> Invitation:
    return Invitation(
        stored["invitation"].binary,
        OrgId(stored["org"].binary),
        stored["email"].text,
        Role(stored["role"].text),
        UserId(stored["user"].binary),
        stored["membership"].binary,
        stored["created_at"].number,
        stored["created_at"].number + LIFETIME,
    )
