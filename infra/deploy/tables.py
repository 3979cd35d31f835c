"""The tables as CloudFormation resources, from the same definitions as on every other engine.

Each is encrypted under a key of the account, expires what says when, and is deleted by nobody by mistake. Account
tables can be brought back as they were at any second of the last days. Event tables cannot: a copy would keep what was
purged (`docs/deploy.md`). Nor can what ends soon anyway, or what must not come back to life.
"""

from collections.abc import Iterable
from typing import Any, Final

from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import MODELS, Item
from infra.deploy.stage import Stage

Resource = dict[str, Any]

RECOVERY_DAYS: Final = 7
RECOVERABLE: Final = frozenset(
    {keys.AUDIT, keys.CLIENTS, keys.GRANTS, keys.KEYS, keys.RECEIPTS, keys.TENANTS, keys.USERS}
)
"""Account tables, and what says of them what was erased. That is gone from their past too after `RECOVERY_DAYS`."""

NOT_DEPLOYED: Final = frozenset({keys.OUTBOX})
"""Letters that are shown instead of sent: for a laptop."""


def deployed() -> Iterable[type[Item]]:
    """The tables that a deployment has."""
    return [model for model in MODELS if model.table not in NOT_DEPLOYED]


def resources(stage: Stage) -> dict[str, Resource]:
    """By logical name."""
    return {f"{model.table.capitalize()}Table": _resource(model, stage) for model in deployed()}


def _resource(model: type[Item], stage: Stage) -> Resource:
    properties: Resource = {
        "TableName": f"{stage.prefix}-{model.table}",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "B"} for name in ("p", "s")],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        "PointInTimeRecoverySpecification": _recovery(model),
        "Tags": stage.tags,
    }
    if model.ttl:
        properties["TimeToLiveSpecification"] = {"AttributeName": model.ttl, "Enabled": True}
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _recovery(model: type[Item]) -> Resource:
    if model.table not in RECOVERABLE:
        return {"PointInTimeRecoveryEnabled": False}
    return {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": RECOVERY_DAYS}
