"""The texts of a project's patterns, by id: template, a sample, when first and last seen.

Sixteen items, by the first four bits of the id. They are written when a pattern is new, or when one was seen that
`last` says was not seen for half a day: so `last` may be that much behind, and what was seen since stands in the hours.

Nothing of a purged event stays here: what was not seen within the project's window is left out by readers and dropped
by the next writer, a sample is replaced by a newer one together with `last`, and `first` is forgotten beyond the
window. Items are bounded: where there is no room, what was not seen for longest goes.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chalicelib.compression import zstd
from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.items import item, items
from chalicelib.storage.tables import keys

BEHIND_MS: Final = DAY_MS // 2
"""How far `last` may be behind."""
KEPT_LONGER_MS: Final = DAY_MS
SAMPLE_LENGTH: Final = 300
LONGEST_TEMPLATE: Final = 1_600
"""Characters; a longer one is cut. Its id is that of the whole."""
BYTES_LIMIT: Final = 200_000
"""Of what an item's texts take before they are compressed."""
LEVEL: Final = 9


class Template(msgspec.Struct, frozen=True, array_like=True):
    """A pattern's text, and when it was seen, in milliseconds. The sample is of the time `last`."""

    text: str
    sample: str
    first: int
    last: int

    @property
    def size(self) -> int:
        return len(self.text.encode()) + len(self.sample.encode()) + 32


Known = Mapping[bytes, Template]


def templates_of(scope: Scope, *, now_ms: int, deadline: float) -> dict[bytes, Template]:
    """Every pattern that may have been seen within the window. What is older is not told of it."""
    horizon = scope.horizon(now_ms)
    found: dict[bytes, Template] = {}
    for row in items(keys.EVENTS, _partition(scope), keys.PATTERN_TEMPLATES, deadline=deadline):
        for name, known in _opened(row).items():
            if known.last >= horizon - BEHIND_MS:
                sample = known.sample if known.last >= horizon else ""
                found[name] = Template(known.text, sample, max(known.first, horizon), known.last)
    return found


def learn(scope: Scope, seen: Known, *, deadline: float) -> None:
    """Keeps the patterns that were seen. Doing it again changes nothing."""
    stored = {row["s"].binary: row for row in items(keys.EVENTS, _partition(scope), keys.PATTERN_TEMPLATES,
                                                    deadline=deadline)}  # fmt: skip
    by_item: dict[bytes, dict[bytes, Template]] = defaultdict(dict)
    for name, template in seen.items():
        by_item[keys.pattern_templates_sort(name)][name] = template
    for sort, some in by_item.items():
        row = stored.get(sort)
        while _tells_more(some, _opened(row)) and not _write(scope, sort, row, some, deadline=deadline):
            row = item(keys.EVENTS, _partition(scope), sort, deadline=deadline)  # another run was faster


def forget(scope: Scope, *, oldest: int, deadline: float) -> int:
    """Drops the texts that were last seen before that time, in milliseconds, or half a day before: `last` may be so
    much behind. Answers how many. Where a writer is faster, that writer drops what its window has left behind, and the
    next call the rest. Raises `StoreUnavailable`."""
    dropped = 0
    for row in items(keys.EVENTS, _partition(scope), keys.PATTERN_TEMPLATES, deadline=deadline):
        known = _opened(row)
        kept = {name: _cut(each, oldest) for name, each in known.items() if each.last >= oldest - BEHIND_MS}
        if kept == known:
            continue
        if _replace(scope, row["s"].binary, row, kept, deadline=deadline) if kept else _delete(row, deadline=deadline):
            dropped += len(known) - len(kept)
    return dropped


def _delete(row: Mapping[str, Value], *, deadline: float) -> bool:
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Key": {"p": {"B": row["p"].binary}, "s": {"B": row["s"].binary}},
        "ConditionExpression": "d = :version",
        "ExpressionAttributeValues": {":version": {"N": str(row["d"].number)}},
    }
    try:
        dynamodb.call("DeleteItem", request, deadline=deadline)
    except ConditionFailed:
        return False
    return True


def _cut(known: Template, oldest: int) -> Template:
    sample = known.sample if known.last >= oldest else ""
    return Template(known.text, sample, max(known.first, oldest), known.last)


def _tells_more(seen: Known, known: Known) -> bool:
    for name, each in seen.items():
        held = known.get(name)
        if held is None or each.first < held.first or each.last > held.last + BEHIND_MS:
            return True
    return False


def _write(scope: Scope, sort: bytes, row: Mapping[str, Value] | None, seen: Known, *, deadline: float) -> bool:
    """Writes an item as it should be, if it still is as it was read."""
    newest = max(each.last for each in seen.values())
    kept = _bounded(_with(_opened(row), seen), oldest=newest - scope.retention_ms - BEHIND_MS)
    return _replace(scope, sort, row, kept, deadline=deadline)


def _replace(scope: Scope, sort: bytes, row: Mapping[str, Value] | None, kept: Known, *, deadline: float) -> bool:
    version = row["d"].number if row else 0
    newest = max((each.last for each in kept.values()), default=0)
    expires = (newest + scope.retention_ms + KEPT_LONGER_MS) // 1000
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Item": {
            "p": {"B": _partition(scope)}, "s": {"B": sort}, "d": {"N": str(version + 1)}, "t": {"N": str(expires)},
            "b": {"B": zstd.compress(msgspec.msgpack.encode(kept), level=LEVEL)},
        },
        "ConditionExpression": "attribute_not_exists(p)",
    }  # fmt: skip
    if row:
        request["ConditionExpression"] = "d = :version"
        request["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except ConditionFailed:
        return False
    return True


def _with(known: Known, seen: Known) -> dict[bytes, Template]:
    together = dict(known)
    for name, each in seen.items():
        held = known.get(name, each)
        newer = each if each.last >= held.last else held
        text, sample = each.text[:LONGEST_TEMPLATE], newer.sample[:SAMPLE_LENGTH]
        together[name] = Template(text, sample, min(held.first, each.first), newer.last)
    return together


def _bounded(known: Known, *, oldest: int) -> dict[bytes, Template]:
    """Those seen within the window, the newest ones as far as there is room."""
    kept: dict[bytes, Template] = {}
    room = BYTES_LIMIT
    for name, each in sorted(known.items(), key=lambda one: (-one[1].last, one[0])):
        room -= each.size
        if each.last < oldest or room < 0:
            break
        kept[name] = Template(each.text, each.sample, max(each.first, oldest), each.last)
    return kept


def _opened(row: Mapping[str, Value] | None) -> dict[bytes, Template]:
    return _TEMPLATES.decode(zstd.decompress(row["b"].binary)) if row else {}


_TEMPLATES: Final = msgspec.msgpack.Decoder(dict[bytes, Template])


def _partition(scope: Scope) -> bytes:
    return keys.index_partition(scope.org, scope.project)
