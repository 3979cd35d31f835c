"""What one question reads of blocks it reads once: rows, histogram and values are made of the same newest blocks.

    with remembered():
        search      ->  the store
        timeline    ->  what the search read, then the store
        facets      ->  what the timeline read

So the parts of an answer are of one moment, too. That a block may have been merged meanwhile changes nothing: it stays
where it was for longer than any request runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Answer, Value

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of blocks as they are stored. What comes after is not remembered, and read as often as it is asked for."""


class _Memory:
    """Answers by their requests, while there is room."""

    def __init__(self) -> None:
        self._answers: dict[bytes, Answer] = {}
        self._room = MOST_BYTES

    def answer(self, request: dict[str, Any], deadline: float) -> Answer:
        asked = msgspec.json.encode(request, order="deterministic")
        if asked in self._answers:
            return self._answers[asked]
        found = dynamodb.call("Query", request, deadline=deadline)
        self._room -= sum(len(entry["b"].binary) for entry in found.items)
        if self._room >= 0:
            self._answers[asked] = found
        return found


_memory: Final[ContextVar[_Memory | None]] = ContextVar("memory", default=None)


@contextmanager
def remembered() -> Iterator[None]:
    """Meanwhile, here and in `storage.threads`, no page of blocks is asked for twice."""
    before = _memory.set(_Memory())
    try:
        yield
    finally:
        _memory.reset(before)


def page(request: dict[str, Any], *, deadline: float) -> Answer:
    """One page of a query for blocks, from memory if it is there. Raises `StoreUnavailable`."""
    memory = _memory.get()
    return dynamodb.call("Query", request, deadline=deadline) if memory is None else memory.answer(request, deadline)


def entries(request: dict[str, Any], *, deadline: float) -> Iterator[dict[str, Value]]:
    """All items of a query for blocks, page after page, fetched as they are consumed."""
    while True:
        answer = page(request, deadline=deadline)
        yield from answer.items
        if answer.last_evaluated_key is None:
            return
        request = request | {"ExclusiveStartKey": answer.last_evaluated_key}
