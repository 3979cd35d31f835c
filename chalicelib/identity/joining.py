"""Joining by invitation without an account: the person and their membership, in one transaction or not at all.

The link proves the address, so no other letter is sent, and it works where nobody can sign up: whoever invites decides.
"""

from msgspec import Struct

from chalicelib.identity import devices, invitations, passwords, security_log, sessions, users
from chalicelib.identity.membership import Member
from chalicelib.identity.names import checked_name
from chalicelib.identity.sessions import Visitor
from chalicelib.identity.sign_in import SignedIn
from chalicelib.identity.users import NewUser
from chalicelib.storage import limits
from chalicelib.storage.changes import Change, commit


class Joined(Struct, frozen=True):
    """Somebody new, what they are in the organisation, and their first session."""

    member: Member
    signed_in: SignedIn


def join(
    token: str, name: str, password: str, visitor: Visitor, *, now: int, deadline: float | None = None
) -> Joined:  # fmt: skip
    """Makes an account of the invited address, and it a member.

    Raises `InvitationGone`, `NameRefused`, `PasswordRefused`, `EmailTaken` where the address has an account,
    `AlreadyMember`, `OrgGone`, `LimitReached` and `StoreUnavailable`.
    """
    limits.allow("link-source", limits.source_of(visitor.source), now_ms=now * 1000, deadline=deadline)
    found = invitations.opened(token, now=now, deadline=deadline)
    email, called = found.invitation.email, checked_name(name)
    new = NewUser(email, called, passwords.hashed(password, context=(email, called)), confirmed=True)
    change = Change()
    user = users.create(change, new, now=now)
    member = invitations.add_acceptance(change, found, user.user, at=now)
    begun = sessions.begin(change, user, visitor, now=now, strong=False)
    device = devices.remember(change, user.user, now=now)
    commit(change, deadline=deadline)
    security_log.known(user=user.user.hex())
    return Joined(member, SignedIn(begun, device, must_enrol=False))
