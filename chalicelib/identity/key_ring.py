"""The keys of a project: made, listed, revoked. A key and its twin in the project's list change together."""

import time
from typing import Any

from msgspec import Struct

from chalicelib.identity.api_keys import Kind, NewKey, new_key
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage.items import Item as StoredItem
from chalicelib.storage.items import item, items
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import KeyItem
from chalicelib.storage.transactions import create_together, delete_together


class KeyUnknown(Exception):
    """No key has this id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id!r}")


class ListedKey(Struct, frozen=True):
    """What may be shown of a key. Times are in seconds since the epoch."""

    key_id: str
    kind: str
    label: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None


def create_key(org: OrgId, project: ProjectId, kind: Kind, *, label: str, lifetime_days: int | None = None) -> NewKey:
    """A new key for the project. Its text is never shown again. Raises `StoreUnavailable`."""
    key, at = new_key(kind), int(time.time())
    expires_at = at + lifetime_days * 86_400 if lifetime_days else None
    create_together(key_items(key, org, project, label=label, created_at=at, expires_at=expires_at))
    return key


def revoke_key(key_id: str) -> None:
    """Ends the key: the next request with it is refused. Raises `KeyUnknown` and `StoreUnavailable`."""
    stored = item(keys.KEYS, keys.key_partition(key_id), keys.ONLY)
    if stored is None:
        raise KeyUnknown(key_id)
    org, project = OrgId(stored["org"].binary), ProjectId(stored["project"].binary)
    by_id = KeyItem(keys.key_partition(key_id), keys.ONLY)
    listed = KeyItem(keys.project_keys_partition(org, project), keys.project_key_sort(key_id))
    delete_together([by_id, listed])


def keys_of(org: OrgId, project: ProjectId) -> list[ListedKey]:
    """The project's keys. Raises `StoreUnavailable`."""
    return [_listed(stored) for stored in items(keys.KEYS, keys.project_keys_partition(org, project))]


def key_items(
    key: NewKey, org: OrgId, project: ProjectId, *, label: str, created_at: int, expires_at: int | None = None
) -> list[KeyItem]:
    """The key by its id, which alone has the digest, and its twin under the project."""
    known: dict[str, Any] = {
        "org": org, "project": project, "key_id": key.key_id, "kind": key.kind, "label": label,
        "created_at": created_at, "expires_at": expires_at,
    }  # fmt: skip
    return [
        KeyItem(keys.key_partition(key.key_id), keys.ONLY, digest=key.digest, **known),
        KeyItem(keys.project_keys_partition(org, project), keys.project_key_sort(key.key_id), **known),
    ]


def _listed(stored: StoredItem) -> ListedKey:
    return ListedKey(
        key_id=stored["key_id"].text,
        kind=stored["kind"].text,
        label=stored["label"].text,
        created_at=stored["created_at"].number,
        last_used_at=stored["last_used_at"].number if "last_used_at" in stored else None,
        expires_at=stored["expires_at"].number if "expires_at" in stored else None,
    )
