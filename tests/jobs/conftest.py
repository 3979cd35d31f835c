"""Jobs walk everything that is registered, so each test has tables of its own."""

import secrets
from collections.abc import Callable

import pytest

from chalicelib.events.scope import Scope
from chalicelib.identity.projects import ACTIVE
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from tests import faults

RETENTION_DAYS = 30


@pytest.fixture(autouse=True)
def _tables(engine_store: None) -> None:
    """Jobs walk everything that is registered, so each test has tables of its own."""
    faults.new_process()


@pytest.fixture
def new_project() -> Callable[..., Scope]:
    return create_project


def create_project(number: int | None = None) -> Scope:
    """A living project, in this partition of the register if one is named."""
    head = secrets.token_bytes(1) if number is None else bytes((number,))
    scope = Scope(OrgId(secrets.token_bytes(8)), ProjectId(head + secrets.token_bytes(7)), RETENTION_DAYS)
    put(keys.TENANTS, keys.org_partition(scope.org), keys.project_sort(scope.project), _row(scope, ACTIVE))
    listed = keys.project_list_partition(keys.work_number(scope.project))
    put(keys.WORK, listed, keys.project_list_sort(scope.org, scope.project), {})
    return scope


def delete_project(scope: Scope) -> None:
    put(keys.TENANTS, keys.org_partition(scope.org), keys.project_sort(scope.project), _row(scope, "deleted"))


def _row(scope: Scope, state: str) -> dict[str, object]:
    return {
        "org": {"B": scope.org}, "project": {"B": scope.project}, "slug": {"S": "web"}, "name": {"S": "Web"},
        "retention_days": {"N": str(scope.retention_days)}, "shards": {"L": []}, "state": {"S": state},
        "created_at": {"N": "0"}, "version": {"N": "1"},
    }  # fmt: skip


def put(table: str, partition: bytes, sort: bytes, fields: dict[str, object]) -> None:
    item = {"p": {"B": partition}, "s": {"B": sort}} | fields
    dynamodb.call("PutItem", {"TableName": dynamodb.table(table), "Item": item})
