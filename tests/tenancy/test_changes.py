"""Changes happen as a whole, say which condition failed, and know their own success again."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.storage import dynamodb
from chalicelib.storage.changes import Change, absent, commit, present, when
from chalicelib.storage.dynamodb import Reply
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

TABLE = keys.TENANTS


class Taken(Exception):
    pass


class Moved(Exception):
    pass


def stored(sort: bytes) -> dict[str, Any] | None:
    found = item(TABLE, b"p", sort)
    return found and {name: value for name, value in found.items() if name not in ("p", "s", "nonce")}


def put(sort: bytes, **fields: Any) -> Change:
    change = Change()
    change.put(TABLE, b"p", sort, fields, absent(Taken()))
    return change


def test_a_change_puts_updates_deletes_and_checks_at_once(store: None) -> None:
    commit(put(b"count", number=2, name="old", spare="x"))
    commit(put(b"gone"))
    change = put(b"new", yes=True, none=None, text="t", raw=b"r", many=[1, "2"], facts={"role": "a", "left out": None})
    change.update(
        TABLE, b"p", b"count", {"name": "new", "spare": None}, when("#number > :one", Moved(), one=1), number=-1
    )
    change.delete(TABLE, b"p", b"gone", present(Moved()))
    change.check(TABLE, b"p", b"absent", absent(Taken()))
    commit(change)
    assert stored(b"count") == {"number": dynamodb.Value(N="1"), "name": dynamodb.Value(S="new")}
    assert stored(b"gone") is None
    new = stored(b"new")
    assert new is not None
    assert (new["yes"].BOOL, new["text"].text, new["raw"].binary) == (True, "t", b"r")
    assert [value.N or value.S for value in new["many"].L] == ["1", "2"]
    assert set(new["facts"].M) == {"role"}
    assert "none" not in new


@pytest.mark.requirement("I6", "V2.3.3")
def test_the_first_condition_that_does_not_hold_is_told_and_nothing_happens(store: None) -> None:
    commit(put(b"there", role="member"))
    change = put(b"new")
    change.check(TABLE, b"p", b"there", when("#role = :admin", Moved(), admin="admin"))
    change.delete(TABLE, b"p", b"elsewhere", present(Taken()))
    with pytest.raises(Moved):
        commit(change)
    assert stored(b"new") is None


def test_an_item_is_written_once_in_a_change() -> None:
    change = put(b"one")
    with pytest.raises(AssertionError, match="twice"):
        change.check(TABLE, b"p", b"one", present(Taken()))


@pytest.mark.requirement("I6")
@pytest.mark.parametrize("lost", [OSError, ConnectionResetError])
def test_a_success_whose_answer_was_lost_is_known_again(
    store: None, monkeypatch: pytest.MonkeyPatch, lost: type[OSError]
) -> None:
    monkeypatch.setattr(dynamodb, "transport", losing_first_answer(dynamodb.transport, lost))
    commit(put(b"new", name="mine"))
    assert stored(b"new") == {"name": dynamodb.Value(S="mine")}


@pytest.mark.requirement("I6")
def test_a_success_of_somebody_else_is_not_taken_for_ones_own(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(put(b"new", name="theirs"))
    monkeypatch.setattr(dynamodb, "transport", losing_first_answer(dynamodb.transport, OSError))
    with pytest.raises(Taken):
        commit(put(b"new", name="mine"))
    assert stored(b"new") == {"name": dynamodb.Value(S="theirs")}


def losing_first_answer(transport: dynamodb.Transport, lost: type[OSError]) -> Callable[..., Reply]:
    """Carries everything, and loses the answer to the first transaction."""
    waiting = [lost]

    def carry(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        reply = transport(endpoint, headers, body)
        if waiting and headers["x-amz-target"].endswith("TransactWriteItems"):
            raise waiting.pop()
        return reply

    return carry
