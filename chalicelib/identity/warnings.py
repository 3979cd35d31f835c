"""Who is told that a project's daily allowance runs out, and that it is done once a day.

run a    warned_on = today, nonce a, IF it was before     letters    none left: warned_on away IF nonce a
run b    the same, refused: somebody else tells them
"""

import logging
import secrets
from typing import Final

from msgspec import Struct

from chalicelib.identity.permissions import Role
from chalicelib.identity.projects import ACTIVE, Project
from chalicelib.ids import OrgId
from chalicelib.storage.changes import NONCE, NONCE_BYTES, Change, commit, when
from chalicelib.storage.items import item, items, several
from chalicelib.storage.tables import keys

TOLD: Final = frozenset({Role.OWNER.value, Role.ADMIN.value})
MOST_TOLD: Final = 20
"""Letters of one warning: each may take seconds."""

logger: Final = logging.getLogger(__name__)


class Claim(Struct, frozen=True):
    """That this run, and no other, tells of a project's allowance on a day."""

    project: Project
    day: int
    nonce: bytes


def claimed(project: Project, day: int, *, deadline: float) -> Claim | None:
    """The claim, if nobody has it yet. `day` is counted from 1970. Raises `StoreUnavailable`."""
    claim = Claim(project, day, secrets.token_bytes(NONCE_BYTES))
    free = when(
        "#state = :active AND (attribute_not_exists(#warned_on) OR #warned_on < :day)", _Taken(), active=ACTIVE, day=day
    )
    change = Change()
    change.update(keys.TENANTS, *_place(project), {"warned_on": day, NONCE: claim.nonce}, free)
    try:
        commit(change, deadline=deadline)
    except _Taken:
        # By another run, or by this one, where an answer was lost.
        there = item(keys.TENANTS, *_place(project), deadline=deadline)
        mine = there is not None and NONCE in there and there[NONCE].binary == claim.nonce
        return claim if mine else None
    return claim


def give_back(claim: Claim, *, deadline: float) -> None:
    """Lets another run tell, because this one could not. Raises `StoreUnavailable`."""
    still_mine = when(
        "#warned_on = :day AND #nonce = :mine", _Taken(), day=claim.day, mine=claim.nonce
    )  # fmt: skip
    change = Change()
    change.update(keys.TENANTS, *_place(claim.project), {"warned_on": None}, still_mine)
    try:
        commit(change, deadline=deadline)
    except _Taken:
        logger.warning("a warning could not be given back: project %s has changed", claim.project.project.hex())


def addresses(org: OrgId, *, deadline: float) -> list[str]:
    """Of the organisation's owners and admins, at most `MOST_TOLD`. Raises `StoreUnavailable`."""
    places = [(keys.user_partition(user), keys.ONLY) for user in _told(org, deadline=deadline)[:MOST_TOLD]]
    accounts = several(keys.USERS, places, deadline=deadline).values()
    return [account["email"].text for account in accounts if "email" in account]


def _told(org: OrgId, *, deadline: float) -> list[bytes]:
    members = items(keys.TENANTS, keys.org_partition(org), keys.MEMBER, deadline=deadline)
    return [each["user"].binary for each in members if each["role"].text in TOLD]


def slug_of_org(org: OrgId, *, deadline: float) -> str | None:
    """What the organisation is called in addresses; None if it is gone. Raises `StoreUnavailable`."""
    stored = item(keys.TENANTS, keys.org_partition(org), keys.ORG, deadline=deadline)
    return stored["slug"].text if stored and "slug" in stored else None


def _place(project: Project) -> tuple[bytes, bytes]:
    return keys.org_partition(project.org), keys.project_sort(project.project)


class _Taken(Exception):
    """Another run has the claim, or the project is gone."""
