"""Carries the product's DynamoDB requests to moto in this process, by the way that moto itself meets botocore's."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends

from chalicelib.storage.dynamodb import Reply
from chalicelib.storage.tables.creation import create_tables
from chalicelib.storage.tables.models import MODELS, configure

ACCOUNT, REGION = "123456789012", "us-east-1"


def _to_moto(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
    request = AWSPreparedRequest("POST", f"{endpoint}/", {**headers}, body, stream_output=False)
    response = botocore_stubber("before-send.dynamodb", request)
    assert response is not None, f"moto does not know {endpoint}"
    return Reply(response.status_code, response.content)


@contextmanager
def in_process_dynamodb() -> Iterator[object]:
    with mock_aws():
        yield _to_moto


def give_tables() -> None:
    """Empty tables of the present stage, as `create_tables` makes them: it does so once, and then copies are made."""
    configure()
    made = _created()
    _backend().tables = {model.Meta.table_name: copy.deepcopy(made[model.table]) for model in MODELS}
    for name, table in _backend().tables.items():
        table.name = name


@cache
def _created() -> dict[str, Any]:
    """By their names without a stage."""
    create_tables()
    made = _backend().tables
    return {model.table: made[model.Meta.table_name] for model in MODELS}


def _backend() -> DynamoDBBackend:
    return dynamodb_backends[ACCOUNT][REGION]
