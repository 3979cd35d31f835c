"""The second factor: codes from an authenticator, each good once, and recovery codes for when it is lost.

    users  u+user  f          the seed, since when it counts, the newest step that was used
    users  u+user  r+digest   a recovery code: SHA-256 of it (120 bits of chance), and whether it was used

A seed must be read to be of use, so it is not hashed: it stands in an item of its own that nothing else reads.
"""

import hmac
import secrets
import unicodedata
from hashlib import sha256
from typing import Final

from msgspec import Struct

from chalicelib.identity import letters, sessions, totp, users
from chalicelib.identity.sessions import Begun, Session, Visitor
from chalicelib.identity.users import ChangedMeanwhile, User
from chalicelib.ids import UserId
from chalicelib.storage import audit, limits
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Fields, absent, commit, when
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys

RECOVERY_CODES: Final = 10
RECOVERY_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing in it is taken for anything else."""
RECOVERY_LENGTH: Final = 24
RECOVERY_GROUP: Final = 6


class CodeRefused(Exception):
    """Not a code that works now: wrong, too old, or used."""

    def __init__(self) -> None:
        super().__init__("This code does not work. Each works once; wait for the next one.")


class FactorMissing(Exception):
    """The person has no second factor."""

    def __init__(self) -> None:
        super().__init__("The account has no second factor.")


class FactorPresent(Exception):
    """The person has a second factor already."""

    def __init__(self) -> None:
        super().__init__("The account has a second factor already. Turn it off first.")


class Enrolment(Struct, frozen=True):
    """What an authenticator is given: as a text to type, and as what a QR code holds."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "Enrolment(…)"


class Enrolled(Struct, frozen=True):
    """The only copy of the recovery codes, and the session that goes on."""

    recovery_codes: tuple[str, ...]
    begun: Begun

    def __repr__(self) -> str:
        return "Enrolled(…)"


def is_on(user: UserId, *, deadline: float | None = None) -> bool:
    """Whether sign-in asks the person for a code. Raises `StoreUnavailable`."""
    stored = _stored(user, deadline)
    return stored is not None and "confirmed_at" in stored


def enrol(user: User, *, now: int, deadline: float | None = None) -> Enrolment:
    """Begins: a new seed, which counts once a code of it came back. Raises `FactorPresent` and `StoreUnavailable`."""
    secret = totp.new_secret()
    change = Change()
    change.put(
        keys.USERS, keys.user_partition(user.user), keys.SECOND_FACTOR,
        {"user": user.user, "secret": secret, "step": 0, "created_at": now},
        when("attribute_not_exists(#confirmed_at)", FactorPresent()),
    )  # fmt: skip
    audit.record_personal(change, user.user, actor=audit.person(user.user), action="factor.enrol", at=now)
    commit(change, deadline=deadline)
    return Enrolment(totp.base32(secret), totp.enrolment_uri(secret, account=user.email))


def confirm(session: Session, code: str, visitor: Visitor, *, now: int, deadline: float | None = None) -> Enrolled:
    """Turns the factor on. All other sessions end, and this one goes on under a new id.

    Raises `CodeRefused`, `FactorMissing`, `FactorPresent`, `LimitReached`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    user = session.user
    limits.allow("second-factor", user.user, now_ms=now * 1000, deadline=deadline)
    stored = _stored(user.user, deadline)
    if stored is None:
        raise FactorMissing
    if "confirmed_at" in stored:
        raise FactorPresent
    step = totp.matching_step(stored["secret"].binary, code, now=now, after=stored["step"].number)
    if step is None:
        raise CodeRefused
    change, codes = Change(), _new_codes()
    change.update(
        keys.USERS, keys.user_partition(user.user), keys.SECOND_FACTOR, {"confirmed_at": now, "step": step},
        when(
            "attribute_not_exists(#confirmed_at) AND #secret = :secret",
            ChangedMeanwhile(),
            secret=stored["secret"].binary,
        ),
    )  # fmt: skip
    _put_codes(change, user.user, codes, now)
    begun = _going_on(change, session, visitor, now=now, strong=True)
    audit.record_personal(change, user.user, actor=audit.person(user.user), action="factor.on", at=now)
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "Two-factor sign-in was turned on."), now=now)
    return Enrolled(codes, begun)


def disable(session: Session, code: str, visitor: Visitor, *, now: int, deadline: float | None = None) -> Begun:
    """Turns the factor off, for who still has it. All other sessions end, and this one goes on under a new id.

    Raises `CodeRefused`, `FactorMissing`, `LimitReached`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    user = session.user
    use(user.user, code, now=now, deadline=deadline)
    change = Change()
    on = when("attribute_exists(#confirmed_at)", FactorMissing())
    change.delete(keys.USERS, keys.user_partition(user.user), keys.SECOND_FACTOR, on)
    _delete_codes(change, user.user, deadline)
    begun = _going_on(change, session, visitor, now=now, strong=False)
    audit.record_personal(change, user.user, actor=audit.person(user.user), action="factor.off", at=now)
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "Two-factor sign-in was turned off."), now=now)
    return begun


def take_away(user: User, *, by: Actor, now: int, deadline: float | None = None) -> None:
    """Turns the factor off for somebody who lost it and all recovery codes, once an operator has made sure who they are
    (ASVS 6.4.4). All sessions end. Raises `FactorMissing`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    change = Change()
    on = when("attribute_exists(#confirmed_at)", FactorMissing())
    change.delete(keys.USERS, keys.user_partition(user.user), keys.SECOND_FACTOR, on)
    _delete_codes(change, user.user, deadline)
    users.raise_epoch(change, user)
    audit.record_personal(change, user.user, actor=by, action="factor.off", at=now)
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "Two-factor sign-in was turned off by an operator."), now=now)


def renew_recovery_codes(user: User, code: str, *, now: int, deadline: float | None = None) -> tuple[str, ...]:
    """New recovery codes; the old ones are gone. Raises as `disable` does."""
    use(user.user, code, now=now, deadline=deadline)
    change, codes = Change(), _new_codes()
    _delete_codes(change, user.user, deadline)
    _put_codes(change, user.user, codes, now)
    on = when("attribute_exists(#confirmed_at)", FactorMissing())
    change.check(keys.USERS, keys.user_partition(user.user), keys.SECOND_FACTOR, on)
    audit.record_personal(change, user.user, actor=audit.person(user.user), action="factor.recovery-codes", at=now)
    commit(change, deadline=deadline)
    letters.notify(letters.changed(user.email, "New recovery codes were made, and the old ones ended."), now=now)
    return codes


def recovery_codes_left(user: UserId, *, deadline: float | None = None) -> int:
    rows = items(keys.USERS, keys.user_partition(user), keys.RECOVERY, deadline=deadline)
    return sum("used_at" not in row for row in rows)


def use(user: UserId, presented: str, *, now: int, deadline: float | None = None) -> None:
    """Takes a code, of the authenticator or for recovery, so that it never works again.

    Raises `CodeRefused`, `FactorMissing`, `LimitReached` and `StoreUnavailable`.
    """
    limits.allow("second-factor", user, now_ms=now * 1000, deadline=deadline)
    stored = _stored(user, deadline)
    if stored is None or "confirmed_at" not in stored:
        raise FactorMissing
    change = Change()
    step = totp.matching_step(stored["secret"].binary, presented, now=now, after=stored["step"].number)
    if step is not None:
        later = when("#step < :step AND #secret = :secret", CodeRefused(), step=step, secret=stored["secret"].binary)
        change.update(keys.USERS, keys.user_partition(user), keys.SECOND_FACTOR, {"step": step}, later)
        _record_use(change, user, "factor.use", now)
    else:
        _use_recovery(change, user, presented, now, deadline)
        _record_use(change, user, "factor.recover", now)
    commit(change, deadline=deadline)


def _use_recovery(change: Change, user: UserId, presented: str, now: int, deadline: float | None) -> None:
    digest = _digest(normal(presented))
    place = keys.user_partition(user), keys.recovery_sort(digest)
    row = item(keys.USERS, *place, deadline=deadline)
    if row is None or not hmac.compare_digest(row["digest"].binary, digest):
        raise CodeRefused
    unused = when("attribute_exists(p) AND attribute_not_exists(#used_at)", CodeRefused())
    change.update(keys.USERS, *place, {"used_at": now}, unused)


def normal(presented: str) -> str:
    """The code that was meant, before anything is asked about it: else one written otherwise would count as unused."""
    folded = unicodedata.normalize("NFKC", presented).upper().translate(_MEANT)
    return "".join(letter for letter in folded if letter in RECOVERY_LETTERS)


_MEANT: Final = str.maketrans("OIL", "011")


def _new_codes() -> tuple[str, ...]:
    return tuple(
        "-".join(
            "".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_GROUP))
            for _ in range(RECOVERY_LENGTH // RECOVERY_GROUP)
        )
        for _ in range(RECOVERY_CODES)
    )


def _put_codes(change: Change, user: UserId, codes: tuple[str, ...], now: int) -> None:
    for code in codes:
        digest = _digest(normal(code))
        fields: Fields = {"user": user, "digest": digest, "created_at": now}
        taken = absent(ChangedMeanwhile())
        change.put(keys.USERS, keys.user_partition(user), keys.recovery_sort(digest), fields, taken)


def _delete_codes(change: Change, user: UserId, deadline: float | None) -> None:
    for row in items(keys.USERS, keys.user_partition(user), keys.RECOVERY, deadline=deadline):
        change.delete(keys.USERS, row["p"].binary, row["s"].binary, when("attribute_exists(p)", ChangedMeanwhile()))


def _going_on(change: Change, session: Session, visitor: Visitor, *, now: int, strong: bool) -> Begun:
    moved = users.raise_epoch(change, session.user)
    sessions.forget(change, session)
    return sessions.begin(change, moved, visitor, now=now, strong=strong)


def _record_use(change: Change, user: UserId, action: str, now: int) -> None:
    audit.record_personal(change, user, actor=audit.person(user), action=action, at=now)


def _digest(code: str) -> bytes:
    return sha256(code.encode()).digest()


def _stored(user: UserId, deadline: float | None) -> Item | None:
    return item(keys.USERS, keys.user_partition(user), keys.SECOND_FACTOR, deadline=deadline)
