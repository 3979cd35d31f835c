"""The projects that somebody can let a client into: those of their organisations, as they are now."""

from typing import Final

from msgspec import Struct

from chalicelib.identity.membership import Member, membership, orgs_of
from chalicelib.identity.orgs import Org, org_by_id, orgs_by_id
from chalicelib.identity.permissions import GRANTS, Permission
from chalicelib.identity.projects import Project, ids_of, project_by_id, projects_of
from chalicelib.identity.sessions import Session
from chalicelib.ids import OrgId, ProjectId
from chalicelib.oauth.resources import Resource

NEEDED: Final = Permission.GRANTS_WRITE


class TargetUnknown(Exception):
    """There is no such project, or none for this person: the answer is the same."""

    def __init__(self, name: str = "the project") -> None:
        super().__init__(f"You are not in {name}, or there is no such project.")


class FactorMissing(Exception):
    """The project's organisation requires a second factor, and the session was begun without one."""

    def __init__(self, org: Org) -> None:
        super().__init__(f"{org.name} requires a second factor.")
        self.org = org


class Target(Struct, frozen=True):
    """Names a project."""

    org: OrgId
    project: ProjectId


class Open(Struct, frozen=True):
    """A project that somebody can let a client into, and in what membership."""

    org: Org
    project: Project
    member: Member

    @property
    def target(self) -> Target:
        return Target(self.org.org, self.project.project)

    @property
    def title(self) -> str:
        return f"{self.org.name} / {self.project.name}"


class Reach(Struct, frozen=True):
    """Where somebody can let a client in, and whose projects they know but cannot reach without a second factor."""

    open: list[Open]
    closed: list[Org]


def named(resource: Resource, session: Session, *, deadline: float | None = None) -> Open:
    """The project that a resource names. Raises `TargetUnknown`, `FactorMissing` and `StoreUnavailable`."""
    name = f"{resource.org_slug}/{resource.project_slug}"
    found = ids_of(resource.org_slug or "", resource.project_slug or "", deadline=deadline)
    if found is None:
        raise TargetUnknown(name)
    return _opened(Target(*found), name, session, deadline=deadline)


def chosen(target: Target, session: Session, *, deadline: float | None = None) -> Open:
    """The project, as it is now. Raises `TargetUnknown`, `FactorMissing` and `StoreUnavailable`."""
    return _opened(target, "the project", session, deadline=deadline)


def reach(session: Session, *, deadline: float | None = None) -> Reach:
    """All projects of somebody's organisations. Raises `StoreUnavailable`."""
    orgs = orgs_by_id(orgs_of(session.user.user, deadline=deadline), deadline=deadline)
    found: list[Open] = []
    for org in orgs:
        member = membership(org.org, session.user.user, deadline=deadline)
        if member is not None and _may(member) and not _locked(org, session):
            found += [Open(org, project, member) for project in projects_of(org.org)]
    return Reach(found, [org for org in orgs if _locked(org, session)])


def _opened(target: Target, name: str, session: Session, *, deadline: float | None) -> Open:
    member = membership(target.org, session.user.user, deadline=deadline)
    org = org_by_id(target.org, deadline=deadline) if member else None
    if member is None or org is None or not _may(member):
        raise TargetUnknown(name)
    if _locked(org, session):
        raise FactorMissing(org)
    project = project_by_id(target.org, target.project, deadline=deadline)
    if project is None:
        raise TargetUnknown(name)
    return Open(org, project, member)


def _may(member: Member) -> bool:
    return NEEDED in GRANTS[member.role]


def _locked(org: Org, session: Session) -> bool:
    return org.second_factor and not session.strong
