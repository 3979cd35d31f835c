"""People: found by id or by address, made, renamed, moved to another address, given another password.

    users  u+user  -                  the person: address, name, password's hash, session epoch
    users  e+digest of the address -  the address is taken, and by whom

Whoever deletes their account is a tombstone from then on (`add_end`): nobody finds them, nothing can be changed of it,
and their address is free for the next one.


The epoch is what all of a person's sessions hang on: raising it ends them, all at once and without finding them.
Every change carries the condition that decides it, so that of two at once one is refused (`ChangedMeanwhile`).
"""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import letters, links, security_log
from chalicelib.identity.names import checked_name
from chalicelib.ids import OrgId, UserId
from chalicelib.storage import audit, limits
from chalicelib.storage.changes import Change, Condition, Fields, absent, commit, when
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

LONGEST_ADDRESS: Final = 254

DELETED: Final = "deleted"
"""The state of an account that somebody ended, until it is erased. One that is there has none."""


class EmailTaken(Exception):
    """An account with this address exists. Told only where no mailer could tell the address alone."""

    def __init__(self) -> None:
        super().__init__("There is an account of this address already.")


class EmailRefused(ValueError):
    """A text that is no address to send to."""

    def __init__(self) -> None:
        super().__init__("This is no e-mail address that we can write to.")


class ChangedMeanwhile(Exception):
    """Somebody else changed the account at the same moment: what was asked for may not be wanted any more."""

    def __init__(self) -> None:
        super().__init__("The account was changed at the same moment. Try again.")


class User(Struct, frozen=True):
    """A person. Times are in seconds."""

    user: UserId
    email: str
    name: str
    password: str
    """The hash, in argon2's own form."""
    epoch: int
    created_at: int
    confirmed_at: int | None
    """When they proved that the address is theirs."""

    def __repr__(self) -> str:
        return f"User({self.user.hex()})"


class NewUser(Struct, frozen=True):
    """A person who is about to be made: the password is hashed already, once, before anything is asked or written."""

    email: str
    name: str
    password: str
    confirmed: bool

    def __repr__(self) -> str:
        return "NewUser(…)"


def by_id(user: UserId, *, deadline: float | None = None) -> User | None:
    """The person as they are now; None if they are not, or not any more. Raises `StoreUnavailable`."""
    stored = item(keys.USERS, keys.user_partition(user), keys.ONLY, deadline=deadline)
    return _user(stored) if stored and is_here(stored) else None


def by_email(email: str, *, deadline: float | None = None) -> User | None:
    """Who has the address. It costs the same two reads where nobody has. Raises `StoreUnavailable`."""
    digest = email_digest(email)
    reserved = item(keys.USERS, keys.email_partition(digest), keys.ONLY, deadline=deadline)
    found = by_id(UserId(reserved["user"].binary if reserved else digest[:8]), deadline=deadline)
    return found if reserved else None


def create(change: Change, new: NewUser, *, now: int) -> User:
    """Adds the person to a change. Committing raises `EmailTaken` where somebody has the address."""
    confirmed_at = now if new.confirmed else None
    user = User(UserId(secrets.token_bytes(8)), new.email, new.name, new.password, 0, now, confirmed_at)
    fields: Fields = {
        "user": user.user, "email": user.email, "name": user.name, "password": user.password, "epoch": user.epoch,
        "created_at": now, "confirmed_at": confirmed_at,
    }  # fmt: skip
    change.put(keys.USERS, keys.user_partition(user.user), keys.ONLY, fields, absent(ChangedMeanwhile()))
    _reserve(change, user.user, user.email)
    by, after = audit.person(user.user), {"email": email_hint(user.email)}
    audit.record_personal(change, user.user, actor=by, action="account.create", at=now, after=after)
    return user


def rename(user: UserId, name: str, *, now: int, deadline: float | None = None) -> None:
    """Raises `NameRefused`, `ChangedMeanwhile` and `StoreUnavailable`."""
    fields = {"name": checked_name(name)}
    change = Change()
    here = when("attribute_exists(p) AND attribute_not_exists(#state)", ChangedMeanwhile())
    change.update(keys.USERS, keys.user_partition(user), keys.ONLY, fields, here)
    audit.record_personal(change, user, actor=audit.person(user), action="account.rename", at=now)
    commit(change, deadline=deadline)


def request_email(user: User, email: str, *, now: int, deadline: float | None = None) -> bool:
    """Moves the person to another address: at once without a mailer, else when the link in the mail comes back.

    Answers whether it is done already. With a mailer nobody learns whether the address is taken but who reads its mail.
    Raises `EmailRefused`, `LimitReached`, `StoreUnavailable`, `MailNotSent`; without a mailer `EmailTaken`.
    """
    address = checked_email(email)
    limits.allow("email-person", user.user, now_ms=now * 1000, deadline=deadline)
    if not letters.can_send():
        _move(user, address, confirmed_at=None, change=Change(), now=now, deadline=deadline)
        return True
    limits.allow("mail-address", email_digest(address), now_ms=now * 1000, deadline=deadline)
    token = links.signed("email", {"user": user.user.hex(), "from": user.email, "to": address}, now=now)
    taken = by_email(address, deadline=deadline) is not None
    letters.send(letters.already_here(address) if taken else letters.confirm_email(address, token), now=now)
    return False


def confirm_email(token: str, *, now: int, deadline: float | None = None) -> None:
    """Raises `LinkRefused`, `EmailTaken`, `ChangedMeanwhile` and `StoreUnavailable`."""
    link = links.opened(token, "email", now=now)
    user = by_id(UserId(bytes.fromhex(link.claims["user"])), deadline=deadline)
    if user is None or user.email != link.claims["from"]:
        raise links.LinkRefused
    security_log.known(user=user.user.hex())
    change = Change()
    links.spend(change, link)
    _move(user, link.claims["to"], confirmed_at=now, change=change, now=now, deadline=deadline)


def set_password(change: Change, user: User, encoded: str) -> User:
    """Adds a new password to a change, which ends all sessions; answers the person as they are then."""
    _update(change, user, {"password": encoded, "epoch": user.epoch + 1})
    return replace(user, password=encoded, epoch=user.epoch + 1)


def raise_epoch(change: Change, user: User) -> User:
    """Adds the end of all sessions to a change; answers the person as they are then."""
    _update(change, user, {"epoch": user.epoch + 1})
    return replace(user, epoch=user.epoch + 1)


def rehash(change: Change, user: User, encoded: str) -> None:
    """Adds another hash of the same password to a change."""
    _update(change, user, {"password": encoded})


def check_unchanged(change: Change, user: User) -> None:
    """Makes the change happen only if the password that was checked still counts: else a sign-in came too late."""
    change.check(keys.USERS, keys.user_partition(user.user), keys.ONLY, _unchanged(user))


def check_here(change: Change, user: UserId) -> None:
    """Makes the change happen only while the account is there. Committing raises `ChangedMeanwhile`."""
    here = when("attribute_exists(p) AND attribute_not_exists(#state)", ChangedMeanwhile())
    change.check(keys.USERS, keys.user_partition(user), keys.ONLY, here)


def add_end(change: Change, user: User, *, orgs: Sequence[OrgId], at: int) -> None:
    """Adds the end of an account: name, address and password are gone with it, so that nothing of them can be used.
    `orgs` is where they were a member, for who erases the rest. Committing raises `ChangedMeanwhile`."""
    digest = email_digest(user.email)
    tombstone: Fields = {
        "user": user.user, "state": DELETED, "deleted_at": at, "address": digest, "orgs": [*orgs],
    }  # fmt: skip
    # Of another address, the reservation would stay for ever.
    as_read = when(
        "#epoch = :epoch AND #password = :password AND #email = :email", ChangedMeanwhile(), epoch=user.epoch,
        password=user.password, email=user.email,
    )  # fmt: skip
    change.put(keys.USERS, keys.user_partition(user.user), keys.ONLY, tombstone, as_read)
    change.delete(
        keys.USERS, keys.email_partition(digest), keys.ONLY, when("#user = :user", ChangedMeanwhile(), user=user.user)
    )


def is_here(stored: Item) -> bool:
    """Whether that is the item of an account, and not a tombstone."""
    return "state" not in stored


def _update(change: Change, user: User, fields: Fields) -> None:
    change.update(keys.USERS, keys.user_partition(user.user), keys.ONLY, fields, _unchanged(user))


def _unchanged(user: User) -> Condition:
    return when(
        "#epoch = :epoch AND #password = :password", ChangedMeanwhile(), epoch=user.epoch, password=user.password
    )


def email_digest(email: str) -> bytes:
    """By which an address is found, however it is written in upper and lower case."""
    return sha256(email.strip().casefold().encode("utf-8", "surrogatepass")).digest()


def email_hint(email: str) -> str:
    """Enough of an address to know one's own by, for a log that is kept."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


def checked_email(text: str) -> str:
    """The address, if mail can go there. Raises `EmailRefused`."""
    address = text.strip()
    if len(address) > LONGEST_ADDRESS or not letters.is_address(address):
        raise EmailRefused
    return address


def _move(
    user: User, email: str, *, confirmed_at: int | None, change: Change, now: int, deadline: float | None
) -> None:
    fields = {"email": email, "confirmed_at": confirmed_at}
    condition = when("#email = :was", ChangedMeanwhile(), was=user.email)
    change.update(keys.USERS, keys.user_partition(user.user), keys.ONLY, fields, condition)
    if email_digest(email) != email_digest(user.email):  # digest: an address is no secret
        _reserve(change, user.user, email)
        change.delete(keys.USERS, keys.email_partition(email_digest(user.email)), keys.ONLY)
    audit.record_personal(
        change, user.user, actor=audit.person(user.user), action="account.email", at=now,
        before={"email": email_hint(user.email)}, after={"email": email_hint(email)},
    )  # fmt: skip
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "The address of your account was changed to another one."), now=now)


def _reserve(change: Change, user: UserId, email: str) -> None:
    place = keys.email_partition(email_digest(email))
    change.put(keys.USERS, place, keys.ONLY, {"user": user}, absent(EmailTaken()))


def _user(stored: Item) -> User:
    return User(
        user=UserId(stored["user"].binary),
        email=stored["email"].text,
        name=stored["name"].text,
        password=stored["password"].text,
        epoch=stored["epoch"].number if "epoch" in stored else 0,
        created_at=stored["created_at"].number,
        confirmed_at=stored["confirmed_at"].number if "confirmed_at" in stored else None,
    )
