"""Brings organisations, projects and people into being: each in one transaction, so that none is ever half there."""

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from msgspec import Struct

from chalicelib.identity.api_keys import NewKey, new_key
from chalicelib.identity.key_ring import key_items
from chalicelib.identity.passwords import hashed
from chalicelib.identity.projects import ACTIVE, org_by_slug
from chalicelib.identity.slugs import SlugTaken, checked_slug
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage.errors import TransactionCancelled
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import Item, TenantItem, UserItem, WorkItem
from chalicelib.storage.transactions import create_together

OWNER: Final = "owner"


class EmailTaken(Exception):
    """An account with this e-mail address exists."""

    def __init__(self, email: str) -> None:
        super().__init__(f"there is an account of {email} already")


class NewOrg(Struct, frozen=True):
    slug: str
    name: str


class NewProject(Struct, frozen=True):
    slug: str
    name: str
    retention_days: int


class NewUser(Struct, frozen=True):
    email: str
    name: str
    password: str

    def __repr__(self) -> str:
        return f"NewUser({self.email!r})"


class Created(Struct, frozen=True):
    """A project that was just made, with the only copy of its keys."""

    org: OrgId
    project: ProjectId
    ingest_key: NewKey
    query_key: NewKey


class _Write(Struct):
    """An item to create, and what its existing means."""

    item: Item
    taken: Callable[[], Exception] | None = None


def create_project(org: NewOrg, project: NewProject, *, owner: NewUser | None = None) -> Created:
    """Creates a project and its two keys, and first its organisation if there is none of that slug; with an `owner`,
    whose organisation it then must be, the person too.

    All of it or nothing. Raises `SlugTaken`, `SlugRefused`, `EmailTaken`, `PasswordRefused` and what the store raises.
    """
    checked_slug(org.slug)
    checked_slug(project.slug)
    known = org_by_slug(org.slug)
    if known is not None and owner is not None:
        raise SlugTaken("organisation", org.slug)
    at = int(time.time())
    org_id = known or OrgId(secrets.token_bytes(8))
    created = Created(org_id, ProjectId(secrets.token_bytes(8)), new_key("ingest"), new_key("query"))
    writes = _project_writes(created, project, at)
    if known is None:
        writes += _org_writes(org_id, org, at)
    if owner is not None:
        writes += _owner_writes(org_id, owner, at)
    _commit(writes)
    return created


def _project_writes(created: Created, project: NewProject, at: int) -> list[_Write]:
    org, project_id = created.org, created.project
    partition = keys.org_partition(org)
    row = TenantItem(
        partition, keys.project_sort(project_id), org=org, project=project_id, slug=project.slug, name=project.name,
        created_at=at, retention_days=project.retention_days, shards=[], state=ACTIVE,
    )  # fmt: skip
    slug = TenantItem(partition, keys.project_slug_sort(project.slug), org=org, project=project_id, slug=project.slug)
    listed = WorkItem(
        keys.project_list_partition(keys.work_number(project_id)), keys.project_list_sort(org, project_id)
    )
    made = [
        key_item
        for key in (created.ingest_key, created.query_key)
        for key_item in key_items(key, org, project_id, label="first", created_at=at)
    ]
    return [
        _Write(row),
        _Write(slug, lambda: SlugTaken("project", project.slug)),
        _Write(listed),
        *map(_Write, made),
    ]


def _org_writes(org_id: OrgId, org: NewOrg, at: int) -> list[_Write]:
    row = TenantItem(
        keys.org_partition(org_id), keys.ORG, org=org_id, slug=org.slug, name=org.name, created_at=at, state=ACTIVE
    )
    slug = TenantItem(keys.org_slug_partition(org.slug), keys.ONLY, org=org_id, slug=org.slug)
    return [_Write(row), _Write(slug, lambda: SlugTaken("organisation", org.slug))]


def _owner_writes(org: OrgId, owner: NewUser, at: int) -> list[_Write]:
    user = secrets.token_bytes(8)
    email = owner.email.strip()
    row = UserItem(
        keys.user_partition(user), keys.ONLY, user=user, email=email, name=owner.name,
        password=hashed(owner.password), created_at=at,
    )  # fmt: skip
    reserved = UserItem(keys.email_partition(email_digest(email)), keys.ONLY, user=user)
    member = TenantItem(keys.org_partition(org), keys.member_sort(user), org=org, user=user, role=OWNER, created_at=at)
    return [_Write(row), _Write(reserved, lambda: EmailTaken(email)), _Write(member)]


def email_digest(email: str) -> bytes:
    """By which an address is found, however it is written in upper and lower case."""
    return sha256(email.strip().casefold().encode()).digest()


def _commit(writes: list[_Write]) -> None:
    try:
        create_together([write.item for write in writes])
    except TransactionCancelled as cancelled:
        for reason, write in zip(cancelled.reasons, writes, strict=True):
            if reason == "ConditionalCheckFailed" and write.taken is not None:
                raise write.taken() from cancelled
        raise
