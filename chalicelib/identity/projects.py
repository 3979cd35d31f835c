"""Projects as requests meet them: loaded by id, found by the slugs in a URL."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from chalicelib.ids import DAY_MS, OrgId, ProjectId, Slot
from chalicelib.storage.changes import Change, Plain, commit, when
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.items import Item, item, items, number
from chalicelib.storage.tables import keys

ACTIVE: Final = "active"
"""The state of a project that lives. Any other is a tombstone: nothing enters, nothing is shown."""
DELETED: Final = "deleted"
"""The state of a tombstone whose erasure goes on."""
ERASED: Final = "erased"
"""The state of the stub that stays of it."""


class Project(Struct, frozen=True):
    """A living project. `created_at` is in seconds; `version` counts the changes of its settings."""

    org: OrgId
    project: ProjectId
    slug: str
    name: str
    retention_days: int
    shards: tuple[tuple[Slot, int], ...]
    created_at: int
    version: int
    plan_days: int | None = None
    """The longest window that the organisation's plan gives; None where the deployment's own is the longest."""
    events_a_day: int | None = None
    """How many events a day the plan allows it to be sent; None is as many as come."""
    kept_from: int = 0
    """What happened before it, in milliseconds, is gone for good, however long the window is now."""
    warned_on: int | None = None
    """The last day, counted from 1970, on which its owners were told that the day's allowance runs out."""
    widest_days: int = 0
    """The longest window that it ever had."""

    @property
    def oldest_ms(self) -> int:
        """Before which it can never have stored anything, in milliseconds."""
        return self.created_at * 1000 - self.widest_days * DAY_MS


def project_by_id(org: OrgId, project: ProjectId, *, deadline: float | None = None) -> Project | None:
    """The project as it is now; None if it is not, or not any more. Raises `StoreUnavailable`."""
    stored = item(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), deadline=deadline)
    return project_of(stored) if stored and _lives(stored) else None


def tombstone(org: OrgId, project: ProjectId, *, deadline: float | None = None) -> Project | None:
    """A project that was deleted and is not erased yet, for those who erase it. Raises `StoreUnavailable`."""
    stored = item(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), deadline=deadline)
    return project_of(stored) if stored and stored["state"].text == DELETED else None


def ids_of(org_slug: str, project_slug: str, *, deadline: float | None = None) -> tuple[OrgId, ProjectId] | None:
    """What the slugs of a URL mean, also those a project had before; None if nothing. Raises `StoreUnavailable`."""
    org = org_by_slug(org_slug, deadline=deadline)
    if org is None:
        return None
    named = item(keys.TENANTS, keys.org_partition(org), keys.project_slug_sort(project_slug), deadline=deadline)
    return (org, ProjectId(named["project"].binary)) if named else None


def org_by_slug(slug: str, *, deadline: float | None = None) -> OrgId | None:
    reserved = item(keys.TENANTS, keys.org_slug_partition(slug), keys.ONLY, deadline=deadline)
    return OrgId(reserved["org"].binary) if reserved else None


def projects_of(org: OrgId, *, deadline: float | None = None) -> list[Project]:
    """The organisation's living projects, by slug. Raises `StoreUnavailable`."""
    found = items(keys.TENANTS, keys.org_partition(org), keys.PROJECT, deadline=deadline)
    return sorted((project_of(row) for row in found if _lives(row)), key=lambda project: project.slug)


def plan_shards(org: OrgId, project: ProjectId, first_slot: Slot, count: int, *, deadline: float | None = None) -> bool:
    """From this slot on the project's events are spread over so many shards. The slot must lie in the future: a plan
    for slots that receive events would let a resend miss its first send.

    False, and no change, where the plan reaches that far already, or the project does not live. Raises
    `StoreUnavailable`.
    """
    known = project_by_id(org, project, deadline=deadline)
    if known is None or (known.shards and known.shards[-1][0] >= first_slot):
        return False
    seen = _plain(known.shards)
    unchanged = "#shards = :seen" if seen else "(attribute_not_exists(#shards) OR #shards = :seen)"
    condition = when(f"#state = :active AND {unchanged}", _PlanChanged(), active=ACTIVE, seen=seen)
    change = Change()
    change.update(
        keys.TENANTS, keys.org_partition(org), keys.project_sort(project),
        {"shards": [*seen, [first_slot, count]]}, condition,
    )  # fmt: skip
    try:
        commit(change, deadline=deadline)
    except _PlanChanged:
        # By another run, or by this one, where an answer was lost.
        now = project_by_id(org, project, deadline=deadline)
        return now is not None and now.shards == (*known.shards, (first_slot, count))
    return True


class _PlanChanged(Exception):
    """Somebody else planned meanwhile, or the project is gone."""


def _plain(plan: Sequence[tuple[Slot, int]]) -> list[Plain]:
    return [[first, count] for first, count in plan]


def _lives(stored: Item) -> bool:
    return stored["state"].text == ACTIVE


def project_of(stored: Item) -> Project:
    return Project(
        org=OrgId(stored["org"].binary),
        project=ProjectId(stored["project"].binary),
        slug=stored["slug"].text,
        name=stored["name"].text,
        retention_days=stored["retention_days"].number,
        shards=tuple(_shard(entry) for entry in stored["shards"].L or ()) if "shards" in stored else (),
        created_at=stored["created_at"].number,
        version=stored["version"].number,
        plan_days=number(stored, "plan_days"),
        events_a_day=number(stored, "events_a_day"),
        kept_from=number(stored, "kept_from") or 0,
        warned_on=number(stored, "warned_on"),
        widest_days=stored["widest_days" if "widest_days" in stored else "retention_days"].number,
    )


def _shard(entry: Value) -> tuple[Slot, int]:
    first, count = (value.number for value in entry.L or ())
    return Slot(first), count
