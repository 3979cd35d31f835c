"""Projects made and changed. (How requests find them is in `projects`, which the ingest path imports.)"""

import secrets

from msgspec import Struct

from chalicelib.identity.api_keys import NewKey
from chalicelib.identity.key_ring import add_key
from chalicelib.identity.membership import Authority, actor, attest
from chalicelib.identity.names import checked_name
from chalicelib.identity.orgs import SettingsChanged, check_org
from chalicelib.identity.projects import ACTIVE, Project
from chalicelib.identity.slugs import SlugTaken, checked_slug
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Fields, commit, when
from chalicelib.storage.tables import keys


class NewProject(Struct, frozen=True):
    slug: str
    name: str
    retention_days: int


class Opened(Struct, frozen=True):
    """A project that was just made, and the only copy of its first key's text."""

    project: ProjectId
    ingest_key: NewKey


def create_project(org: OrgId, new: NewProject, *, by: Authority, now: int, deadline: float | None = None) -> ProjectId:
    """A new project in an organisation that is there, without keys.

    Raises `SlugRefused`, `NameRefused`, `SlugTaken`, `OrgGone`, `AuthorityLost` and `StoreUnavailable`.
    """
    change = Change()
    project = _add_by(change, org, new, by=by, at=now)
    commit(change, deadline=deadline)
    return project


def open_project(org: OrgId, new: NewProject, *, by: Authority, now: int, deadline: float | None = None) -> Opened:
    """A new project with an ingest key to begin with: both or neither. Raises as `create_project` does."""
    change = Change()
    project = _add_by(change, org, new, by=by, at=now)
    key = add_key(change, org, project, "ingest", by=by, label="first", at=now)
    commit(change, deadline=deadline)
    return Opened(project, key)


def _add_by(change: Change, org: OrgId, new: NewProject, *, by: Authority, at: int) -> ProjectId:
    """Adds a project that is made by who may still do so, in an organisation that still lives."""
    attest(change, by)
    check_org(change, org)
    return add_project(change, org, new, by=actor(by), at=at)


def add_project(change: Change, org: OrgId, new: NewProject, *, by: Actor, at: int) -> ProjectId:
    """Adds a project: its item, its slug, and its place in the list that jobs walk. Committing raises `SlugTaken`.

    Raises `SlugRefused` and `NameRefused`.
    """
    project = ProjectId(secrets.token_bytes(8))
    slug, name = checked_slug(new.slug), checked_name(new.name)
    fields: Fields = {
        "org": org, "project": project, "slug": slug, "name": name, "created_at": at,
        "retention_days": new.retention_days, "shards": [], "state": ACTIVE, "version": 1,
    }  # fmt: skip
    change.put(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), fields)
    _add_slug(change, org, project, slug)
    listed = keys.project_list_partition(keys.work_number(project))
    change.put(keys.WORK, listed, keys.project_list_sort(org, project), {})
    audit.record(
        change, org, actor=by, action="project.create", target=project.hex(), at=at,
        after={"slug": slug, "name": name, "retention_days": new.retention_days},
    )  # fmt: skip
    return project


def edit_project(
    project: Project, *, by: Authority, slug: str, name: str, now: int, deadline: float | None = None
) -> Project:
    """Gives the project these names. The slugs it had before go on leading to it, and to nothing else.

    Raises `SlugRefused`, `NameRefused`, `SlugTaken`, `SettingsChanged`, `AuthorityLost` and `StoreUnavailable`.
    """
    before = {"slug": project.slug, "name": project.name}
    after = {"slug": checked_slug(slug), "name": checked_name(name)}
    changed = {field: value for field, value in after.items() if value != before[field]}
    if not changed:
        return project
    change = Change()
    attest(change, by)
    seen = when("#state = :active AND #version = :seen", SettingsChanged(), active=ACTIVE, seen=project.version)
    place = keys.org_partition(project.org), keys.project_sort(project.project)
    change.update(keys.TENANTS, *place, changed, seen, version=1)
    if "slug" in changed:
        _add_slug(change, project.org, project.project, slug)
    audit.record(
        change, project.org, actor=actor(by), action="project.edit", target=project.project.hex(), at=now,
        before={field: before[field] for field in changed}, after=changed,
    )  # fmt: skip
    commit(change, deadline=deadline)
    return Project(
        project.org, project.project, after["slug"], after["name"], project.retention_days, project.shards,
        project.created_at, project.version + 1,
    )  # fmt: skip


def _add_slug(change: Change, org: OrgId, project: ProjectId, slug: str) -> None:
    """Reserves the slug for ever. A project may return to one that it had."""
    free = when("attribute_not_exists(p) OR #project = :project", SlugTaken("project", slug), project=project)
    place = keys.org_partition(org), keys.project_slug_sort(slug)
    change.put(keys.TENANTS, *place, {"org": org, "project": project, "slug": slug}, free)
