"""Projects made and changed, as the plan of their organisation lets them be.

(How requests find them is in `projects`, which the ingest path imports.)
"""

import secrets
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity.api_keys import NewKey
from chalicelib.identity.key_ring import add_key
from chalicelib.identity.membership import Authority, actor, attest
from chalicelib.identity.names import checked_name
from chalicelib.identity.orgs import OrgGone, PlanChanged, SettingsChanged, check_plan, org_by_id
from chalicelib.identity.plans import Plan, check_window, fields_of_project, longest, window
from chalicelib.identity.projects import ACTIVE, Project
from chalicelib.identity.slugs import SlugTaken, checked_slug
from chalicelib.ids import DAY_MS, OrgId, ProjectId
from chalicelib.storage import audit, erasures
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Fields, Plain, commit, when
from chalicelib.storage.erasures import Subject
from chalicelib.storage.tables import keys

ATTEMPTS: Final = 5
"""Plans are given by operators, and rarely: a second attempt is one too many already."""

T = TypeVar("T")


class NewProject(Struct, frozen=True):
    slug: str
    name: str
    retention_days: int | None = None
    """None is what the plan gives."""


class Opened(Struct, frozen=True):
    """A project that was just made, and the only copy of its first key's text."""

    project: ProjectId
    ingest_key: NewKey


def create_project(org: OrgId, new: NewProject, *, by: Authority, now: int, deadline: float | None = None) -> ProjectId:
    """A new project in an organisation that is there, without keys.

    Raises `SlugRefused`, `NameRefused`, `WindowRefused`, `SlugTaken`, `OrgGone`, `AuthorityLost`, `PlanChanged` and
    `StoreUnavailable`.
    """

    def attempt(plan: Plan) -> ProjectId:
        change = Change()
        project = _add_by(change, org, new, plan, by=by, at=now)
        commit(change, deadline=deadline)
        return project

    return under_plan(org, attempt, deadline=deadline)


def open_project(org: OrgId, new: NewProject, *, by: Authority, now: int, deadline: float | None = None) -> Opened:
    """A new project with an ingest key to begin with: both or neither. Raises as `create_project` does."""

    def attempt(plan: Plan) -> Opened:
        change = Change()
        project = _add_by(change, org, new, plan, by=by, at=now)
        key = add_key(change, org, project, "ingest", by=by, label="first", at=now)
        commit(change, deadline=deadline)
        return Opened(project, key)

    return under_plan(org, attempt, deadline=deadline)


def under_plan(org: OrgId, attempt: Callable[[Plan], T], *, deadline: float | None = None) -> T:
    """What comes of the attempt under the organisation's plan as it is: it is made again where that changed meanwhile.

    Raises `OrgGone`, `PlanChanged`, what the attempt raises, and `StoreUnavailable`.
    """
    for _ in range(ATTEMPTS):
        known = org_by_id(org, deadline=deadline)
        if known is None:
            raise OrgGone
        try:
            return attempt(known.plan)
        except PlanChanged:
            continue
    raise PlanChanged


def _add_by(change: Change, org: OrgId, new: NewProject, plan: Plan, *, by: Authority, at: int) -> ProjectId:
    """Adds a project that is made by who may still do so, in an organisation that still lives and has this plan."""
    attest(change, by)
    check_plan(change, org, plan)
    return add_project(change, org, new, plan, by=actor(by), at=at)


def add_project(change: Change, org: OrgId, new: NewProject, plan: Plan, *, by: Actor, at: int) -> ProjectId:
    """Adds a project: its item, its slug, and its place in the list that jobs walk. Committing raises `SlugTaken`.

    Whoever calls this makes sure that the plan is the organisation's. Raises `SlugRefused`, `NameRefused` and
    `WindowRefused`.
    """
    project = ProjectId(secrets.token_bytes(8))
    slug, name, days = checked_slug(new.slug), checked_name(new.name), window(new.retention_days, plan)
    fields: Fields = {
        "org": org, "project": project, "slug": slug, "name": name, "created_at": at,
        "retention_days": days, "widest_days": days, "shards": [], "state": ACTIVE, "version": 1,
        **fields_of_project(plan),
    }  # fmt: skip
    change.put(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), fields)
    _add_slug(change, org, project, slug)
    listed = keys.project_list_partition(keys.work_number(project))
    change.put(keys.WORK, listed, keys.project_list_sort(org, project), {})
    audit.record(
        change, org, actor=by, action="project.create", target=project.hex(), at=at,
        after={"slug": slug, "name": name, "retention_days": days},
    )  # fmt: skip
    return project


def edit_project(
    project: Project, *, by: Authority, slug: str, name: str, retention_days: int | None = None, now: int,
    deadline: float | None = None,
) -> Project:  # fmt: skip
    """Gives the project these names and this window. The slugs it had go on leading to it, and to nothing else.

    What a shorter window leaves behind is gone with the change, for every reader, and for the purge to delete.
    Raises `SlugRefused`, `NameRefused`, `WindowRefused`, `SlugTaken`, `SettingsChanged`, `AuthorityLost` and
    `StoreUnavailable`.
    """
    days = project.retention_days if retention_days is None else retention_days
    check_window(days, max(longest(project.plan_days), project.retention_days))
    before: dict[str, str | int] = {
        "slug": project.slug, "name": project.name, "retention_days": project.retention_days
    }  # fmt: skip
    after: dict[str, str | int] = {"slug": checked_slug(slug), "name": checked_name(name), "retention_days": days}
    changed = {field: value for field, value in after.items() if value != before[field]}
    if not changed:
        return project
    change = Change()
    attest(change, by)
    seen = when("#state = :active AND #version = :seen", SettingsChanged(), active=ACTIVE, seen=project.version)
    place = keys.org_partition(project.org), keys.project_sort(project.project)
    of_window = add_window(change, project, days, by=actor(by), now=now)
    change.update(keys.TENANTS, *place, {**changed, **of_window}, seen, version=1)
    if "slug" in changed:
        _add_slug(change, project.org, project.project, slug)
    audit.record(
        change, project.org, actor=actor(by), action="project.edit", target=project.project.hex(), at=now,
        before={field: before[field] for field in changed}, after=changed,
    )  # fmt: skip
    commit(change, deadline=deadline)
    return replace(
        project, slug=str(after["slug"]), name=str(after["name"]), retention_days=days, version=project.version + 1,
        kept_from=_kept_from(project, days, now=now), widest_days=max(days, project.widest_days),
    )  # fmt: skip


def add_window(change: Change, project: Project, days: int, *, by: Actor, now: int) -> dict[str, Plain]:
    """What changes of a project whose window becomes so many days, and in the change, that what a shorter one leaves
    behind is erased. Lengthening it later does not bring that back.
    """
    if days >= project.retention_days:
        return {"widest_days": max(days, project.widest_days)}
    erasures.ask(change, Subject("window", project.org, project.project), by=by, at=now)
    return {"kept_from": _kept_from(project, days, now=now)}


def _kept_from(project: Project, days: int, *, now: int) -> int:
    if days >= project.retention_days:
        return project.kept_from
    return max(project.kept_from, now * 1000 - days * DAY_MS)


def _add_slug(change: Change, org: OrgId, project: ProjectId, slug: str) -> None:
    """Reserves the slug for ever. A project may return to one that it had."""
    free = when("attribute_not_exists(p) OR #project = :project", SlugTaken("project", slug), project=project)
    place = keys.org_partition(org), keys.project_slug_sort(slug)
    change.put(keys.TENANTS, *place, {"org": org, "project": project, "slug": slug}, free)
