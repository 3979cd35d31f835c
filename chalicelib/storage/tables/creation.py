"""Making the tables of a deployment, from the same definitions on every engine."""

import time
from typing import Final

from chalicelib.storage import dynamodb
from chalicelib.storage.errors import RequestRefused, StoreUnavailable
from chalicelib.storage.tables.models import MODELS, Item, configure

WAIT_ATTEMPTS: Final = 120
WAIT_SECONDS: Final = 0.5


def create_tables() -> None:
    """Creates what is missing, on any engine, and returns when all tables can be used."""
    configure()
    created = [model for model in MODELS if _create(model)]
    for model in created:
        _wait_until_active(model)
        if model.ttl is not None:
            _expire(model)


def _create(model: type[Item]) -> bool:
    schema = model._get_schema()  # noqa: SLF001 (pynamodb's own create_table makes a client for each model: 0.1 s)
    request = {
        "TableName": model.Meta.table_name,
        "BillingMode": model.Meta.billing_mode,
        "AttributeDefinitions": schema["attribute_definitions"],
        "KeySchema": schema["key_schema"],
    }
    try:
        dynamodb.call("CreateTable", request)
    except RequestRefused as refused:
        if refused.code != "ResourceInUseException":
            raise
        return False
    return True


def _wait_until_active(model: type[Item]) -> None:
    for _ in range(WAIT_ATTEMPTS):
        if dynamodb.table_status(model.Meta.table_name) == "ACTIVE":
            return
        time.sleep(WAIT_SECONDS)
    raise StoreUnavailable(f"the table {model.Meta.table_name} is still being created")


def _expire(model: type[Item]) -> None:
    """Asks DynamoDB to delete items whose time has come. Nothing relies on it: reads filter, the purge verifies."""
    request = {
        "TableName": model.Meta.table_name,
        "TimeToLiveSpecification": {"AttributeName": model.ttl, "Enabled": True},
    }
    dynamodb.call("UpdateTimeToLive", request)
