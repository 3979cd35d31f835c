"""Alice owns an organisation, Bob is a member of it, Charlie is an outsider with one of his own."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import pytest

from chalicelib.identity import invitations, key_ring, members, orgs, project_changes, users
from chalicelib.identity.api_keys import KeyRefused, Kind, NewKey, authenticated
from chalicelib.identity.key_ring import ListedKey
from chalicelib.identity.membership import Member, membership
from chalicelib.identity.orgs import NewOrg, Org, org_by_id
from chalicelib.identity.permissions import Role
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import Project, project_by_id
from chalicelib.identity.users import NewUser, User
from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage import audit, dynamodb
from chalicelib.storage.audit import Entry, Filter
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.items import Item
from chalicelib.storage.tables.models import MODELS

NOW = 1_790_000_000

T = TypeVar("T")

on_engine = pytest.mark.parametrize("store", [pytest.param("engine", marks=pytest.mark.engine)], indirect=True)
"""For races and for long stories: moto is neither meant for threads nor fast."""


def new_user(name: str) -> User:
    change = Change()
    user = users.create(change, NewUser(f"{name}@example.com", name.title(), "no hash of a password", True), now=NOW)
    commit(change)
    return user


@dataclass(frozen=True)
class Tenant:
    """An organisation with a project, and its first owner."""

    id: OrgId
    project_id: ProjectId
    owner: User

    @property
    def org(self) -> Org:
        found = org_by_id(self.id)
        assert found is not None
        return found

    @property
    def project(self) -> Project:
        found = project_by_id(self.id, self.project_id)
        assert found is not None
        return found

    def member(self, user: User | UserId) -> Member:
        found = membership(self.id, user.user if isinstance(user, User) else user)
        assert found is not None
        return found

    def role(self, user: User) -> Role | None:
        found = membership(self.id, user.user)
        return found.role if found else None

    def join(self, user: User, role: Role = Role.MEMBER) -> Member:
        """By invitation of the owner, as everybody does."""
        invited = invitations.invite(user.email, role, by=self.member(self.owner), now=NOW)
        return invitations.accept(invited.token, user, now=NOW)

    def change_role(self, user: User, role: Role, by: User) -> Member:
        return members.change_role(user.user, role, by=self.member(by), now=NOW)

    def remove(self, user: User, by: User) -> None:
        members.remove(user.user, by=self.member(by), now=NOW)

    def key(self, kind: Kind, by: User | None = None, **given: Any) -> NewKey:
        made = {"label": "a label", "now": NOW} | given
        return key_ring.create_key(self.id, self.project_id, kind, by=self.member(by or self.owner), **made)

    def listed(self, key: NewKey) -> ListedKey:
        return key_ring.key_by_id(key.key_id)

    def log(self, **wanted: Any) -> list[Entry]:
        return audit.search(self.id, Filter(**wanted), limit=1000).data

    def actions(self) -> list[str]:
        return sorted(entry.action for entry in self.log())


def new_tenant(slug: str, owner: User) -> Tenant:
    change = Change()
    by = audit.person(owner.user)
    founded = orgs.add_org(change, NewOrg(slug, slug.title()), owner=owner.user, by=by, at=NOW)
    project = project_changes.add_project(
        change, founded.org, NewProject("shop", "Shop", 30), founded.plan, by=by, at=NOW
    )
    commit(change)
    return Tenant(founded.org, project, owner)


def works(key: NewKey, *, now: int = NOW) -> bool:
    try:
        authenticated(key.text, now=now)
    except KeyRefused:
        return False
    return True


def rows(table: str) -> list[str]:
    """All items of a table, in a form that the same items always have: bytes are in hex."""
    found: list[Item] = dynamodb.call("Scan", {"TableName": dynamodb.table(table)}).items
    plain = (msgspec.to_builtins(row, builtin_types=(bytes,)) for row in found)
    return sorted(json.dumps(row, sort_keys=True, default=bytes.hex) for row in plain)


def everything() -> list[str]:
    """All items of all tables."""
    return [row for model in MODELS for row in rows(model.table)]


def at_once(acts: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """What each of the acts ended in, all of them begun together."""

    def outcome(act: Callable[[], T]) -> T | Exception:
        try:
            return act()
        except Exception as refused:  # noqa: BLE001 (an outcome like any other)
            return refused

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(outcome, acts))
