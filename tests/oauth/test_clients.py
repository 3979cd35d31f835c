"""Who a client is, how long it is one, and when it must be asked for anew."""

import logging
from typing import Any

import pytest

from chalicelib.oauth import clients
from chalicelib.oauth.client_metadata import Metadata
from chalicelib.oauth.clients import COMMAND_LINE, IDLE_SECONDS, UNUSED_SECONDS, Client, ClientUnknown, client, keep
from chalicelib.storage import dynamodb
from chalicelib.storage.tables.models import ClientItem
from tests.oauth.parties import NOW, REDIRECT

pytestmark = pytest.mark.requirement("O22")

METADATA = Metadata(name="App", redirect_uris=(REDIRECT, "http://127.0.0.1/cb"))


def known(made: Client, at: int) -> bool:
    try:
        return client(made.client_id, now=at).client_id == made.client_id
    except ClientUnknown:
        return False


def test_a_client_is_found_as_it_was_kept(store: None) -> None:
    made = keep(METADATA, "self-registered", now=NOW)
    assert client(made.client_id, now=NOW) == made


def test_a_client_that_is_not_used_is_forgotten_after_an_hour(store: None) -> None:
    made = keep(METADATA, "self-registered", now=NOW)
    assert known(made, NOW + UNUSED_SECONDS - 1)
    assert not known(made, NOW + UNUSED_SECONDS)


def test_one_that_is_used_is_kept_for_90_days_from_its_last_use(store: None) -> None:
    made = keep(METADATA, "self-registered", now=NOW)
    clients.note_client_use(made, now=NOW + 60)
    assert known(made, NOW + 60 + IDLE_SECONDS - 1)
    assert not known(made, NOW + 60 + IDLE_SECONDS)
    later = NOW + 50 * 86_400
    clients.note_client_use(client(made.client_id, now=later), now=later)
    assert known(made, later + IDLE_SECONDS - 1)


def test_use_is_noted_once_a_day(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keep(METADATA, "self-registered", now=NOW)
    clients.note_client_use(made, now=NOW)
    calls: list[str] = []
    carry = dynamodb.transport

    def counting(endpoint: str, headers: dict[str, str], body: bytes) -> Any:
        calls.append(headers.get("x-amz-target", "") or headers.get("X-Amz-Target", ""))
        return carry(endpoint, headers, body)

    used = client(made.client_id, now=NOW + 1)
    monkeypatch.setattr(dynamodb, "transport", counting)
    clients.note_client_use(used, now=NOW + 86_399)
    assert calls == []
    clients.note_client_use(used, now=NOW + 86_400)
    assert len(calls) == 1


def test_a_client_that_was_deleted_meanwhile_does_not_come_back(
    moto_store: None, caplog: pytest.LogCaptureFixture
) -> None:
    made = keep(METADATA, "self-registered", now=NOW)
    for row in ClientItem.scan():
        row.delete()
    with caplog.at_level(logging.WARNING):
        clients.note_client_use(made, now=NOW)
    assert list(ClientItem.scan()) == []
    assert made.client_id in caplog.text


def test_a_use_that_cannot_be_noted_costs_nobody_their_answer(
    moto_store: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> Any:
        raise OSError

    made = keep(METADATA, "self-registered", now=NOW)
    monkeypatch.setattr(dynamodb, "transport", away)
    monkeypatch.setattr(dynamodb, "pause", lambda _: None)
    clients.note_client_use(made, now=NOW)
    assert "could not be noted" in caplog.text


def test_what_an_operator_registered_is_kept_for_good_and_noted_nowhere(store: None) -> None:
    made = keep(METADATA, "registered", now=NOW)
    clients.note_client_use(made, now=NOW)
    assert client(made.client_id, now=NOW + 10 * IDLE_SECONDS) == made
    [row] = ClientItem.scan()
    assert (row.t, row.used_at) == (None, None)


@pytest.mark.parametrize(
    "client_id",
    [
        *("", "x", "scry2", "SCRY", "http://client.example/c", "javascript:x"),
        *("scry-client-" + rest for rest in ("", "A" * 21, "A" * 22, "-" * 22, "A" * 22 + "\n")),
    ],
)
def test_an_id_that_nobody_has_is_no_client(client_id: str, moto_store: None) -> None:
    with pytest.raises(ClientUnknown):
        client(client_id, now=NOW)


@pytest.mark.requirement("O2")
def test_the_command_line_is_known_without_a_registration() -> None:
    assert client("scry", now=NOW) is COMMAND_LINE
    assert (COMMAND_LINE.kind, COMMAND_LINE.auth_method) == ("registered", "none")


@pytest.mark.requirement("O8")
@pytest.mark.parametrize(
    ("kind", "redirect", "asks"),
    [
        ("self-registered", REDIRECT, True),
        ("registered", REDIRECT, False),
        ("document", REDIRECT, False),
        ("registered", "http://localhost/cb", True),
        ("document", "http://[::1]:8/cb", True),
        ("document", "https://localhost:8/cb", True),
    ],
)
def test_who_could_be_somebody_else_is_asked_for_each_time(kind: Any, redirect: str, asks: bool) -> None:
    made = Client(client_id="x", kind=kind, name="", redirect_uris=(REDIRECT, redirect))
    assert made.asks_each_time is asks
