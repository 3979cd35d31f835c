"""Changes of account items that happen together or not at all, and that say which of their conditions did not hold.

    change = Change()
    change.put(keys.TENANTS, partition, sort, {"slug": "acme"}, absent(SlugTaken("organisation", "acme")))
    change.update(keys.TENANTS, partition, sort, {"role": "admin"}, when("#role = :was", Moved(), was="member"))
    commit(change, deadline=deadline)

The client sends a request again whose answer was lost, and meets its own success as a condition that does not hold. So
each change carries a nonce: in the request, where DynamoDB knows it again for ten minutes, and in every item it puts,
where we do for as long as the item stands (an audit entry: for ever).
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from chalicelib.storage import dynamodb
from chalicelib.storage.errors import TransactionCancelled
from chalicelib.storage.items import item

LIMIT: Final = 100
"""Writes in one change, DynamoDB's own limit."""

NONCE: Final = "nonce"
NONCE_BYTES: Final = 12

Plain: TypeAlias = bytes | str | int | bool | Sequence["Plain"] | Mapping[str, "Plain"] | None
"""What an attribute may hold. None is an attribute that is not there."""

Fields = Mapping[str, Plain]


class Condition(Struct, frozen=True):
    """What must hold of an item as it is, and the exception that its not holding means.

    Attributes are written `#name`, values `:name`.
    """

    expression: str
    otherwise: Exception
    values: Fields = {}


def absent(otherwise: Exception) -> Condition:
    return Condition("attribute_not_exists(p)", otherwise)


def present(otherwise: Exception) -> Condition:
    return Condition("attribute_exists(p)", otherwise)


def when(expression: str, otherwise: Exception, **values: Plain) -> Condition:
    return Condition(expression, otherwise, values)


class _Write(Struct, frozen=True):
    request: dict[str, Any]
    otherwise: Exception | None


class Change:
    """Writes of one transaction, at most one for each item. Where several conditions fail, the first one is told."""

    def __init__(self) -> None:
        self.nonce: Final = secrets.token_bytes(NONCE_BYTES)
        self.writes: Final[list[_Write]] = []
        self.places: Final[dict[tuple[str, bytes, bytes], bool]] = {}
        """Where it writes, and whether what it puts there carries the nonce."""

    def put(
        self, table: str, partition: bytes, sort: bytes, fields: Fields, condition: Condition | None = None
    ) -> None:
        """The whole item. It replaces one that is there, unless the condition says `absent`."""
        whole = {"p": partition, "s": sort, **fields, NONCE: self.nonce}
        self._add("Put", (table, partition, sort), {"Item": _map(whole)}, condition, carries_nonce=True)

    def update(
        self, table: str, partition: bytes, sort: bytes, fields: Fields, condition: Condition, **added: int
    ) -> None:
        """Some attributes of an item: sets the `fields` (None removes one), adds to the numbers named in `added`.

        There is always a condition, because an update would make an item that is not there.
        """
        removed = [f"#{name}" for name, value in fields.items() if value is None]
        setting = [f"#{name} = :new_{name}" for name, value in fields.items() if value is not None]
        adding = [f"#{name} :add_{name}" for name in added]
        clauses = (("SET", setting), ("REMOVE", removed), ("ADD", adding))
        update = " ".join(f"{clause} {', '.join(parts)}" for clause, parts in clauses if parts)
        values = {f"new_{name}": value for name, value in fields.items() if value is not None}
        values |= {f"add_{name}": value for name, value in added.items()}
        request = {**_key(partition, sort), "UpdateExpression": update}
        self._add("Update", (table, partition, sort), request, condition, values=values)

    def delete(self, table: str, partition: bytes, sort: bytes, condition: Condition | None = None) -> None:
        self._add("Delete", (table, partition, sort), _key(partition, sort), condition)

    def check(self, table: str, partition: bytes, sort: bytes, condition: Condition) -> None:
        """Changes nothing, and nothing is changed unless the condition holds."""
        self._add("ConditionCheck", (table, partition, sort), _key(partition, sort), condition)

    @property
    def room(self) -> int:
        """How many more writes it takes."""
        return LIMIT - len(self.writes)

    def _add(
        self,
        operation: str,
        place: tuple[str, bytes, bytes],
        request: dict[str, Any],
        condition: Condition | None,
        *,
        values: Fields | None = None,
        carries_nonce: bool = False,
    ) -> None:
        assert place not in self.places, f"a transaction writes an item of {place[0]} twice"
        self.places[place] = carries_nonce
        request = {"TableName": dynamodb.table(place[0]), **request}
        used = dict(values or {})
        if condition is not None:
            request["ConditionExpression"] = condition.expression
            used |= condition.values
        if used:
            request["ExpressionAttributeValues"] = {f":{name}": _value(value) for name, value in used.items()}
        if names := _names(request):
            request["ExpressionAttributeNames"] = names
        self.writes.append(_Write({operation: request}, condition.otherwise if condition else None))


def commit(change: Change, *, deadline: float | None = None) -> None:
    """All of the change or nothing of it. Raises the exception of the first condition that does not hold, and
    `StoreUnavailable`; after the latter the change may have happened.
    """
    assert 0 < len(change.writes) <= LIMIT, "a transaction has 1 to 100 writes"
    request = {
        "TransactItems": [write.request for write in change.writes],
        "ClientRequestToken": change.nonce.hex(),
    }
    try:
        dynamodb.call("TransactWriteItems", request, deadline=deadline)
    except TransactionCancelled as cancelled:
        if not (cancelled.retried and _happened(change, deadline=deadline)):
            raise _meaning(change, cancelled) from cancelled


def _happened(change: Change, *, deadline: float | None) -> bool:
    """Whether an earlier attempt won: all was written if anything was, so one item with our nonce is proof."""
    put = (place for place, carries_nonce in change.places.items() if carries_nonce)
    stored = (item(*place, deadline=deadline) for place in put)
    return any(found[NONCE].binary == change.nonce for found in stored if found and NONCE in found)


def _meaning(change: Change, cancelled: TransactionCancelled) -> Exception:
    """What passes by itself (another transaction at work, throttling) the client has tried again before this."""
    for reason, write in zip(cancelled.reasons, change.writes, strict=True):
        if reason == "ConditionalCheckFailed" and write.otherwise is not None:
            return write.otherwise
    return cancelled


def _names(request: dict[str, Any]) -> dict[str, str]:
    """The attributes that the expressions name. All are named so: DynamoDB reserves words such as `role`."""
    expressions: Iterable[str] = (request.get(part, "") for part in ("ConditionExpression", "UpdateExpression"))
    return {f"#{name}": name for text in expressions for name in _NAME.findall(text)}


_NAME: Final = re.compile(r"#(\w+)")


def _key(partition: bytes, sort: bytes) -> dict[str, Any]:
    return {"Key": _map({"p": partition, "s": sort})}


def _map(fields: Fields) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items() if value is not None}


def _value(plain: Plain) -> dict[str, Any]:
    match plain:
        case bytes():
            return {"B": plain}
        case str():
            return {"S": plain}
        case bool():
            return {"BOOL": plain}
        case int():
            return {"N": str(plain)}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": _map(plain)}
        case _:
            return {"L": [_value(each) for each in plain]}
