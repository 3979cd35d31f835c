"""Sign-in: who is told yes, and how everybody else is told the same no.

    limits -> address -> one argon2 check, decoy or not -> second factor -> one change: session, device, audit entry
    429       (two reads)       401                          401

The limits come before the hash and fail closed. A wrong password, an unknown address and a password that nobody could
have take the same reads, the same one argon2 computation and the same writes, and end in the same `SignInRefused`.
"""

from collections.abc import Callable

from msgspec import Struct

from chalicelib.identity import devices, letters, links, passwords, second_factor, security_log, sessions, users
from chalicelib.identity.links import Link
from chalicelib.identity.sessions import Begun, Session, Visitor
from chalicelib.identity.users import ChangedMeanwhile, User
from chalicelib.ids import UserId
from chalicelib.storage import audit, limits
from chalicelib.storage.changes import Change, commit, when


class SignInRefused(Exception):
    """Not with this address and this password. Which of the two is wrong is not said."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class CodeNeeded(Exception):
    """The password is right, and a code is asked for too. `challenge` comes back with it, within five minutes."""

    def __init__(self, challenge: str) -> None:
        super().__init__("Enter a code from your authenticator, or a recovery code.")
        self.challenge = challenge


class Attempt(Struct, frozen=True, kw_only=True):
    """What somebody claims, and where they are."""

    email: str
    password: str
    visitor: Visitor

    def __repr__(self) -> str:
        return "Attempt(…)"


class SignedIn(Struct, frozen=True):
    """Success: the values of the two cookies, and what is left to do."""

    begun: Begun
    device: str
    must_enrol: bool
    """An organisation of theirs wants a second factor, and they have none: until then it stays closed to them."""

    def __repr__(self) -> str:
        return "SignedIn(…)"


Required = Callable[[UserId], bool]
"""Whether one of a person's organisations wants a second factor of them."""


def sign_in(
    attempt: Attempt, *, now: int, required: Required = lambda _: False, deadline: float | None = None
) -> SignedIn:
    """A new session. One that the browser had before ends, and is not taken over.

    Raises `LimitReached`, `SignInRefused`, `CodeNeeded`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    digest = users.email_digest(attempt.email)
    user = users.by_email(attempt.email, deadline=deadline)
    owner = user.user if user else UserId(digest[:8])
    if user is not None:
        security_log.known(user=user.user.hex())
    device = devices.known(owner, attempt.visitor.device, now=now, deadline=deadline)
    _limited(digest, device, attempt.visitor, now=now, deadline=deadline)
    verdict = passwords.verified(attempt.password, user.password if user else None)
    if user is None or not verdict.right:
        raise SignInRefused
    if second_factor.is_on(user.user, deadline=deadline):
        raise CodeNeeded(_challenge(user, now))
    change = Change()
    if verdict.outdated:
        users.rehash(change, user, passwords.rehashed(attempt.password))
    else:
        users.check_unchanged(change, user)
    entrance = _Entrance(user, attempt.visitor, device is not None, strong=False)
    return _entered(change, entrance, must_enrol=required(user.user), now=now, deadline=deadline)


def finish(challenge: str, code: str, visitor: Visitor, *, now: int, deadline: float | None = None) -> SignedIn:
    """The second step: the challenge of the first with a code.

    Raises `LinkRefused`, `CodeRefused`, `LimitReached`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    link = links.opened(challenge, "second-factor", now=now)
    user = _challenged(link, deadline)
    security_log.known(user=user.user.hex())
    second_factor.use(user.user, code, now=now, deadline=deadline)
    device = devices.known(user.user, visitor.device, now=now, deadline=deadline)
    change = Change()
    links.spend(change, link)
    users.check_unchanged(change, user)
    entrance = _Entrance(user, visitor, device is not None, strong=True)
    return _entered(change, entrance, must_enrol=False, now=now, deadline=deadline)


def prove_again(
    session: Session, password: str, visitor: Visitor, *, now: int, code: str | None = None,
    deadline: float | None = None,
) -> Begun:  # fmt: skip
    """Renews the proof of who somebody is, for what is sensitive: the session goes on under a new id.

    With a second factor a code is needed too. Raises `SignInRefused`, `CodeRefused`, `LimitReached`,
    `ChangedMeanwhile` and `StoreUnavailable`.
    """
    check_password(session.user, password, now=now, deadline=deadline)
    strong = second_factor.is_on(session.user.user, deadline=deadline)
    if strong:
        second_factor.use(session.user.user, code or "", now=now, deadline=deadline)
    change = Change()
    sessions.forget(change, session, when("#epoch = :was", ChangedMeanwhile(), was=session.epoch))
    users.check_unchanged(change, session.user)
    begun = sessions.begin(change, session.user, visitor, now=now, strong=strong)
    _record(change, session.user.user, "session.prove-again", now)
    commit(change, deadline=deadline)
    return begun


def change_password(
    session: Session, current: str, wanted: str, visitor: Visitor, *, now: int, context: tuple[str, ...] = (),
    deadline: float | None = None,
) -> Begun:  # fmt: skip
    """A new password, given the current one. All other sessions end, and this one goes on under a new id.

    Raises `PasswordRefused`, `SignInRefused`, `LimitReached`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    user = session.user
    passwords.check_form(wanted, context=(user.email, user.name, *context))
    check_password(user, current, now=now, deadline=deadline)
    change = Change()
    moved = users.set_password(change, user, passwords.rehashed(wanted))
    sessions.forget(change, session)
    begun = sessions.begin(change, moved, visitor, now=now, strong=session.strong)
    _record(change, user.user, "password.change", now)
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "The password of your account was changed."), now=now)
    return begun


def check_password(user: User, password: str, *, now: int, deadline: float | None = None) -> None:
    """Raises `SignInRefused`, `LimitReached` and `StoreUnavailable`."""
    limits.allow("password", user.user, now_ms=now * 1000, deadline=deadline)
    if not passwords.verified(password, user.password).right:
        raise SignInRefused


def request_reset(email: str, visitor: Visitor, *, now: int, deadline: float | None = None) -> None:
    """Sends one letter to the address, whatever is known of it: nobody learns more than its reader.

    Raises `EmailRefused`, `LimitReached`, `NoMailer`, `MailNotSent` and `StoreUnavailable`.
    """
    address = users.checked_email(email)
    if not letters.can_send():
        raise letters.NoMailer
    limits.allow("reset-source", limits.source_of(visitor.source), now_ms=now * 1000, deadline=deadline)
    limits.allow("mail-address", users.email_digest(address), now_ms=now * 1000, deadline=deadline)
    user = users.by_email(address, deadline=deadline)
    claims = {"user": (user.user if user else bytes(8)).hex(), "password": _password_seen(user)}
    token = links.signed("reset", claims, now=now)
    # To the address as its owner wrote it, not as somebody just did.
    letters.send(letters.reset(user.email, token) if user else letters.no_account(address), now=now)


def reset(token: str, wanted: str, visitor: Visitor, *, now: int, deadline: float | None = None) -> str:
    """A new password, given the link from the mail. All sessions end, and none begins: sign-in asks for the second
    factor as ever (ASVS 6.4.3). Answers the value of a device cookie, so that whoever can read the owner's mail can
    sign in though strangers have used up the account's limit.

    Raises `LinkRefused`, `PasswordRefused`, `LimitReached`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    limits.allow("link-source", limits.source_of(visitor.source), now_ms=now * 1000, deadline=deadline)
    link = links.opened(token, "reset", now=now)
    user = users.by_id(UserId(bytes.fromhex(link.claims["user"])), deadline=deadline)
    if user is None or _password_seen(user) != link.claims["password"]:  # digest: a fingerprint, in a signed link
        raise links.LinkRefused
    security_log.known(user=user.user.hex())
    encoded = passwords.hashed(wanted, context=(user.email, user.name))
    change = Change()
    links.spend(change, link)
    users.set_password(change, user, encoded)
    device = devices.remember(change, user.user, now=now)
    _record(change, user.user, "password.reset", now)
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "The password of your account was changed by a link."), now=now)
    return device


def _limited(email: bytes, device: bytes | None, visitor: Visitor, *, now: int, deadline: float | None) -> None:
    """A known device has an allowance of its own and needs no other: strangers cannot use it up."""
    at = now * 1000
    if device is not None:
        limits.allow("sign-in-device", email + device, now_ms=at, deadline=deadline)
        return
    limits.allow("sign-in-source", limits.source_of(visitor.source), now_ms=at, deadline=deadline)
    limits.allow("sign-in-account", email, now_ms=at, deadline=deadline)
    limits.allow("sign-in-account-day", email, now_ms=at, deadline=deadline)


class _Entrance(Struct, frozen=True):
    """Somebody who has proved who they are."""

    user: User
    visitor: Visitor
    device_is_known: bool
    strong: bool


def _entered(change: Change, who: _Entrance, *, must_enrol: bool, now: int, deadline: float | None) -> SignedIn:
    if who.visitor.session is not None:
        sessions.forget(change, who.visitor.session)
    begun = sessions.begin(change, who.user, who.visitor, now=now, strong=who.strong)
    known = who.visitor.device if who.device_is_known else None
    device = devices.remember(change, who.user.user, known_value=known, now=now)
    after: dict[str, audit.Fact] = {"source": who.visitor.source, "second factor": who.strong}
    _record(change, who.user.user, "session.begin", now, after)
    commit(change, deadline=deadline)
    security_log.known(second_factor=who.strong)
    return SignedIn(begun, device, must_enrol)


def _challenge(user: User, now: int) -> str:
    return links.signed("second-factor", {"user": user.user.hex(), "password": _password_seen(user)}, now=now)


def _challenged(link: Link, deadline: float | None) -> User:
    user = users.by_id(UserId(bytes.fromhex(link.claims["user"])), deadline=deadline)
    if user is None or _password_seen(user) != link.claims["password"]:  # digest: a fingerprint, in a signed link
        raise links.LinkRefused
    return user


def _password_seen(user: User | None) -> str:
    """What a link remembers of the password it was made under: with another one it is worth nothing."""
    return passwords.fingerprint(user.password if user else "").hex()


def _record(change: Change, user: UserId, action: str, now: int, after: dict[str, audit.Fact] | None = None) -> None:
    audit.record_personal(change, user, actor=audit.person(user), action=action, at=now, after=after)
