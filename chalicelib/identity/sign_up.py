"""Sign-up: a person, their organisation, its first project and an ingest key, in one transaction or not at all.

    with a mailer       register -> pending sign-up, letter       confirm (link and password) -> everything
    without one, and
    for the first ever  register -> everything

With a mailer nobody learns whether an address is taken but who reads its mail. The link alone makes nothing: whoever
registers a stranger's address with a password of their own must not have the stranger finish it for them, so the
password is asked for once more. Who may sign up is the setting SCRY_SIGN_UP; `first` is decided by a conditional write.
"""

import re
import secrets
import unicodedata
from typing import Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity import (
    devices,
    key_ring,
    letters,
    links,
    orgs,
    passwords,
    project_changes,
    security_log,
    sessions,
    users,
)
from chalicelib.identity.api_keys import NewKey
from chalicelib.identity.links import Link, LinkRefused
from chalicelib.identity.names import checked_name
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.sessions import Begun, Visitor
from chalicelib.identity.sign_in import SignedIn, SignInRefused
from chalicelib.identity.slugs import SlugTaken
from chalicelib.identity.users import NewUser, User
from chalicelib.storage import audit, limits
from chalicelib.storage.changes import Change, Fields, absent, commit
from chalicelib.storage.items import LISTED_LONGER_SECONDS, item, items
from chalicelib.storage.tables import keys

PROJECT_SLUG: Final = "app"
PROJECT_NAME: Final = "App"
KEY_LABEL: Final = "first"
ATTEMPTS: Final = 5


class SignUpClosed(Exception):
    """Nobody can sign up here, or nobody any more."""

    def __init__(self) -> None:
        super().__init__("This deployment takes no new accounts. Ask whoever runs it for an invitation.")


class Wanted(Struct, frozen=True):
    """What somebody asks for."""

    email: str
    password: str
    name: str
    org_name: str

    def __repr__(self) -> str:
        return "Wanted(…)"


class Registered(Struct, frozen=True):
    """All that was made, with the only copy of the key and of the cookies."""

    user: User
    org: NewOrg
    project: NewProject
    ingest_key: NewKey
    signed_in: SignedIn


def register(wanted: Wanted, visitor: Visitor, *, now: int, deadline: float | None = None) -> Registered | None:
    """Everything at once, or None where a letter was sent first.

    Raises `SignUpClosed`, `EmailRefused`, `NameRefused`, `PasswordRefused`, `LimitReached`, `MailNotSent`,
    `StoreUnavailable`; without a mailer, and for the first account, `EmailTaken`.
    """
    asked = _checked(wanted)
    claimed = _check_open(deadline)
    at = now * 1000
    limits.allow("register-source", limits.source_of(visitor.source), now_ms=at, deadline=deadline)
    if not (claimed and letters.can_send()):
        new = NewUser(asked.email, asked.name, passwords.rehashed(asked.password), confirmed=False)
        return _created(new, asked.org_name, visitor, None, claimed=claimed, now=now, deadline=deadline)
    limits.allow("mail-address", users.email_digest(asked.email), now_ms=at, deadline=deadline)
    token = _pend(asked, now=now, deadline=deadline)
    taken = users.by_email(asked.email, deadline=deadline) is not None
    # Either way: the same reads, writes and hashes, and one letter.
    letters.send(letters.already_here(asked.email) if taken else letters.confirm_sign_up(asked.email, token), now=now)
    return None


def confirm(token: str, password: str, visitor: Visitor, *, now: int, deadline: float | None = None) -> Registered:
    """Makes everything that was asked for, given the link from the mail and the password that was chosen.

    Raises `LinkRefused`, `SignInRefused`, `LimitReached`, `SignUpClosed`, `EmailTaken` and `StoreUnavailable`.
    """
    at = now * 1000
    limits.allow("link-source", limits.source_of(visitor.source), now_ms=at, deadline=deadline)
    link = links.opened(token, "sign-up", now=now)
    limits.allow("password", link.id, now_ms=at, deadline=deadline)
    place = keys.pending_sign_up_partition(link.id), keys.ONLY
    pending = item(keys.SESSIONS, *place, deadline=deadline)
    if pending is None:
        raise LinkRefused
    if not passwords.verified(password, pending["password"].text).right:
        raise SignInRefused
    claimed = _check_open(deadline)
    new = NewUser(pending["email"].text, pending["name"].text, pending["password"].text, confirmed=True)
    org_name = pending["org_name"].text
    return _created(new, org_name, visitor, link, claimed=claimed, now=now, deadline=deadline)


def is_open(*, deadline: float | None = None) -> bool:
    """Whether a stranger can sign up now. Raises `StoreUnavailable`."""
    match settings.current().sign_up:
        case "closed":
            return False
        case "first":
            return not _is_claimed(deadline)
        case _:
            return True


def slug_of(name: str) -> str:
    """A slug that looks like the name; `org` where nothing of it can be one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:30].strip("-") or "org"


def _checked(wanted: Wanted) -> Wanted:
    """As it will be kept. Raises `EmailRefused`, `NameRefused` or `PasswordRefused`."""
    asked = Wanted(
        users.checked_email(wanted.email), wanted.password, checked_name(wanted.name),
        checked_name(wanted.org_name, "an organisation's name"),
    )  # fmt: skip
    passwords.check_form(asked.password, context=(asked.email, asked.name, asked.org_name))
    return asked


def _check_open(deadline: float | None) -> bool:
    """Whether there is an account already. Raises `SignUpClosed`."""
    if settings.current().sign_up == "closed":
        raise SignUpClosed
    claimed = _is_claimed(deadline)
    if claimed and settings.current().sign_up == "first":
        raise SignUpClosed
    return claimed


def _is_claimed(deadline: float | None) -> bool:
    """Whether anybody is here: somebody signed up, or an operator made a project."""
    if item(keys.USERS, keys.FIRST_ACCOUNT, keys.ONLY, deadline=deadline) is not None:
        return True
    partitions = (keys.project_list_partition(number) for number in range(keys.WORK_PARTITIONS))
    return any(items(keys.WORK, partition, deadline=deadline) for partition in partitions)


def _pend(asked: Wanted, *, now: int, deadline: float | None) -> str:
    """Keeps what was asked for until the link comes back; answers the link's token."""
    link, ends_at = secrets.token_bytes(links.ID_BYTES), now + links.LIFETIMES["sign-up"]
    change = Change()
    change.put(
        keys.SESSIONS, keys.pending_sign_up_partition(link), keys.ONLY,
        {
            "email": asked.email, "name": asked.name, "org_name": asked.org_name,
            "password": passwords.rehashed(asked.password), "created_at": now, "t": ends_at,
        },
    )  # fmt: skip
    listed: Fields = {"link": link, "created_at": now, "t": ends_at + LISTED_LONGER_SECONDS}
    change.put(keys.SESSIONS, *_listed_place(asked.email, link), listed)
    commit(change, deadline=deadline)
    return links.signed("sign-up", {}, now=now, id=link)


def _listed_place(email: str, link: bytes) -> tuple[bytes, bytes]:
    """Where a sign-up that waits is found by its address."""
    return keys.address_sign_ups_partition(users.email_digest(email)), keys.listed_sign_up_sort(link)


class _ClaimedMeanwhile(Exception):
    """Somebody else made the first account at the same moment."""


def _created(
    new: NewUser, org_name: str, visitor: Visitor, link: Link | None, *, claimed: bool, now: int,
    deadline: float | None,
) -> Registered:  # fmt: skip
    slug = slug_of(org_name)
    for _ in range(ATTEMPTS):
        org = NewOrg(slug, org_name)
        change = Change()
        if link is not None:
            links.spend(change, link)
            change.delete(keys.SESSIONS, keys.pending_sign_up_partition(link.id), keys.ONLY)
            change.delete(keys.SESSIONS, *_listed_place(new.email, link.id))
        if not claimed:
            change.put(keys.USERS, keys.FIRST_ACCOUNT, keys.ONLY, {"created_at": now}, absent(_ClaimedMeanwhile()))
        registered = _add_everything(change, new, org, visitor, now=now)
        try:
            commit(change, deadline=deadline)
        except SlugTaken:
            slug = f"{slug_of(org_name)}-{secrets.token_hex(3)}"
        except _ClaimedMeanwhile as late:
            claimed = True
            if settings.current().sign_up == "first":
                raise SignUpClosed from late
        else:
            security_log.known(user=registered.user.user.hex())
            return registered
    raise SlugTaken("organisation", slug)


def _add_everything(change: Change, new: NewUser, org: NewOrg, visitor: Visitor, *, now: int) -> Registered:
    user = users.create(change, new, now=now)
    by = audit.person(user.user)
    founded = orgs.add_org(change, org, owner=user.user, by=by, at=now)
    project = NewProject(PROJECT_SLUG, PROJECT_NAME)
    project_id = project_changes.add_project(change, founded.org, project, founded.plan, by=by, at=now)
    key = key_ring.add_key(change, founded.org, project_id, "ingest", by=founded.by, label=KEY_LABEL, at=now)
    begun: Begun = sessions.begin(change, user, visitor, now=now, strong=False)
    device = devices.remember(change, user.user, now=now)
    return Registered(user, org, project, key, SignedIn(begun, device, must_enrol=False))
