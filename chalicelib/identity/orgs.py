"""Organisations: who shares projects. Founded with their first owner, renamed, and told what to require of members."""

import secrets
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import users
from chalicelib.identity.membership import Authority, Operator, actor, add_member, attest, orgs_of
from chalicelib.identity.names import checked_name
from chalicelib.identity.permissions import Role
from chalicelib.identity.plans import Plan, fields_of_org, initial, plan_of
from chalicelib.identity.projects import ACTIVE
from chalicelib.identity.slugs import SlugTaken, checked_slug
from chalicelib.ids import OrgId, UserId
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Fields, commit, when
from chalicelib.storage.items import Item, item, several
from chalicelib.storage.tables import keys

MOST_ORGS: Final = 50
"""That somebody is in and makes more: each makes rows that stay."""


class SettingsChanged(Exception):
    """Somebody else changed the same settings meanwhile."""

    def __init__(self) -> None:
        super().__init__("Somebody changed these settings meanwhile. Look at them again.")


class TooManyOrgs(Exception):
    def __init__(self) -> None:
        super().__init__(f"Nobody can be in more than {MOST_ORGS} organisations. Leave one first.")


class OrgGone(Exception):
    """The organisation is not there any more."""

    def __init__(self) -> None:
        super().__init__("The organisation is not there any more.")


class LastOwner(Exception):
    """The organisation would be left without an owner."""

    def __init__(self) -> None:
        super().__init__("An organisation needs an owner. Make somebody else one first.")


class PlanChanged(Exception):
    """The organisation got another plan meanwhile."""

    def __init__(self) -> None:
        super().__init__("The organisation's plan changed meanwhile. Try again.")


class NewOrg(Struct, frozen=True):
    slug: str
    name: str


class Founded(Struct, frozen=True):
    """An organisation that a change will make."""

    org: OrgId
    by: Authority
    """Its first owner, in whose power more can be added to the same change; without one an operator."""
    plan: Plan


class Org(Struct, frozen=True):
    """A living organisation."""

    org: OrgId
    slug: str
    name: str
    second_factor: bool
    """Whether every member needs one."""
    created_at: int
    version: int
    plan: Plan
    owners: int = 1
    """How many it has: never none."""


def org_by_id(org: OrgId, *, deadline: float | None = None) -> Org | None:
    """The organisation as it is now; None if it is not, or not any more. Raises `StoreUnavailable`."""
    stored = item(keys.TENANTS, keys.org_partition(org), keys.ORG, deadline=deadline)
    return _org(stored) if stored and _lives(stored) else None


def orgs_by_id(orgs: list[OrgId], *, deadline: float | None = None) -> list[Org]:
    """Those that live, by name. Raises `StoreUnavailable`."""
    found = several(keys.TENANTS, [(keys.org_partition(org), keys.ORG) for org in orgs], deadline=deadline)
    return sorted((_org(row) for row in found.values() if _lives(row)), key=lambda org: (org.name.casefold(), org.org))


def create_org(owner: UserId, new: NewOrg, *, now: int, deadline: float | None = None) -> OrgId:
    """A further organisation of somebody who has an account, without projects.

    Raises `SlugRefused`, `NameRefused`, `TooManyOrgs`, `SlugTaken`, `ChangedMeanwhile` and `StoreUnavailable`.
    """
    if len(orgs_of(owner, deadline=deadline)) >= MOST_ORGS:
        raise TooManyOrgs
    change = Change()
    users.check_here(change, owner)
    founded = add_org(change, new, owner=owner, by=audit.person(owner), at=now)
    commit(change, deadline=deadline)
    return founded.org


def add_org(change: Change, new: NewOrg, *, owner: UserId | None, by: Actor, at: int) -> Founded:
    """Adds an organisation, and its owner's membership if it has one yet. Committing raises `SlugTaken`.

    Raises `SlugRefused` and `NameRefused`.
    """
    org = OrgId(secrets.token_bytes(8))
    slug, name, plan = checked_slug(new.slug), checked_name(new.name), initial()
    fields: Fields = {
        "org": org, "slug": slug, "name": name, "created_at": at, "state": ACTIVE, "version": 1,
        "owners": 1 if owner else 0, "second_factor": False, **fields_of_org(plan),
    }  # fmt: skip
    change.put(keys.TENANTS, keys.org_partition(org), keys.ORG, fields)
    _add_slug(change, org, slug)
    member = add_member(change, org, owner, Role.OWNER, at=at) if owner else None
    audit.record(
        change, org, actor=by, action="org.create", target=org.hex(), at=at,
        after={"slug": slug, "name": name, "plan": plan.name},
    )  # fmt: skip
    return Founded(org, member or Operator(), plan)


def edit_org(
    org: Org, *, by: Authority, slug: str, name: str, second_factor: bool, now: int, deadline: float | None = None
) -> Org:
    """Gives the organisation these settings. The slugs it had before go on leading to it, and to nobody else.

    Raises `SlugRefused`, `NameRefused`, `SlugTaken`, `SettingsChanged`, `AuthorityLost` and `StoreUnavailable`.
    """
    before: dict[str, str | bool] = {"slug": org.slug, "name": org.name, "second_factor": org.second_factor}
    after: dict[str, str | bool] = {
        "slug": checked_slug(slug), "name": checked_name(name), "second_factor": second_factor
    }  # fmt: skip
    changed = {name: value for name, value in after.items() if value != before[name]}
    if not changed:
        return org
    change = Change()
    attest(change, by)
    seen = when("#state = :active AND #version = :seen", SettingsChanged(), active=ACTIVE, seen=org.version)
    change.update(keys.TENANTS, keys.org_partition(org.org), keys.ORG, changed, seen, version=1)
    if "slug" in changed:
        _add_slug(change, org.org, slug)
    audit.record(
        change, org.org, actor=actor(by), action="org.edit", target=org.org.hex(), at=now,
        before={name: before[name] for name in changed}, after=changed,
    )  # fmt: skip
    commit(change, deadline=deadline)
    return replace(org, slug=slug, name=str(after["name"]), second_factor=second_factor, version=org.version + 1)


def check_org(change: Change, org: OrgId) -> None:
    """Makes the change happen only while the organisation lives. Committing raises `OrgGone`."""
    lives = when("#state = :active", OrgGone(), active=ACTIVE)
    change.check(keys.TENANTS, keys.org_partition(org), keys.ORG, lives)


def check_plan(change: Change, org: OrgId, plan: Plan) -> None:
    """Makes the change happen only while the organisation lives and has this plan. Committing raises `PlanChanged`."""
    fields = fields_of_org(plan)
    parts = [f"#{name} = :{name}" if value is not None else f"attribute_not_exists(#{name})"
             for name, value in fields.items()]  # fmt: skip
    same = when(
        " AND ".join(["#state = :active", *parts]), PlanChanged(), active=ACTIVE,
        **{name: value for name, value in fields.items() if value is not None},
    )  # fmt: skip
    change.check(keys.TENANTS, keys.org_partition(org), keys.ORG, same)


def count_owner(change: Change, org: OrgId, more: Literal[1, -1]) -> None:
    """Adds that there is one owner more or less. Committing raises `LastOwner` for the last one, and `OrgGone`."""
    lives = when("#state = :active", OrgGone(), active=ACTIVE)
    others = when("#state = :active AND #owners > :one", LastOwner(), active=ACTIVE, one=1)
    change.update(keys.TENANTS, keys.org_partition(org), keys.ORG, {}, lives if more > 0 else others, owners=more)


def _add_slug(change: Change, org: OrgId, slug: str) -> None:
    """Reserves the slug for ever. An organisation may return to one that it had."""
    free = when("attribute_not_exists(p) OR #org = :org", SlugTaken("organisation", slug), org=org)
    change.put(keys.TENANTS, keys.org_slug_partition(slug), keys.ONLY, {"org": org, "slug": slug}, free)


def _lives(stored: Item) -> bool:
    return stored["state"].text == ACTIVE


def _org(stored: Item) -> Org:
    return Org(
        OrgId(stored["org"].binary),
        stored["slug"].text,
        stored["name"].text,
        bool(stored["second_factor"].BOOL),
        stored["created_at"].number,
        stored["version"].number,
        plan_of(stored),
        stored["owners"].number,
    )
