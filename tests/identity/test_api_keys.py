"""API keys: their form, what is stored of them, and when one works."""

import logging
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from chalicelib.identity import api_keys
from chalicelib.identity.api_keys import KEY, KeyRefused, Kind, NewKey, authenticated, new_key
from chalicelib.identity.key_ring import add_key
from chalicelib.identity.membership import Operator
from chalicelib.identity.permissions import MAY, READS, Permission
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage import dynamodb
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import KeyItem

ROOT = Path(__file__).parents[2]
ORG, PROJECT = OrgId(b"o" * 8), ProjectId(b"p" * 8)
NOW = 1_790_000_000


def made(kind: Kind, *, expires_at: int | None = None) -> NewKey:
    change = Change()
    key = add_key(change, ORG, PROJECT, kind, by=Operator(), label="mine", at=NOW, expires_at=expires_at)
    commit(change)
    return key


def refused(text: str, *, now: int = NOW) -> bool:
    try:
        authenticated(text, now=now)
    except KeyRefused:
        return True
    return False


@pytest.mark.requirement("S23")
@pytest.mark.parametrize(("kind", "prefix"), [("ingest", "scry_ing_"), ("query", "scry_qry_")])
def test_a_key_has_the_documented_form_and_a_checksum(kind: Kind, prefix: str) -> None:
    key = new_key(kind)
    assert re.fullmatch(r"scry_(ing|qry)_[0-9A-Za-z]{44}", key.text)
    assert key.text.startswith(prefix + key.key_id)
    assert decode62(key.text[-6:]) == zlib.crc32(key.text[:-6].encode())


def test_no_two_keys_are_the_same_and_none_shows_its_text() -> None:
    new = [new_key("ingest") for _ in range(100)]
    assert len({key.text for key in new}) == len({key.key_id for key in new}) == 100
    assert new[0].text not in repr(new[0])


@pytest.mark.requirement("S32")
def test_a_key_works_for_its_project_and_for_nothing_else(moto_store: None) -> None:
    key = made("query")
    found = authenticated(key.text, now=NOW)
    assert (found.org, found.project, found.kind, found.key_id) == (ORG, PROJECT, "query", key.key_id)


@pytest.mark.requirement("S27")
def test_what_is_not_a_key_is_refused_without_asking_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "transport", lambda *_: pytest.fail("the store was asked"))
    text = new_key("ingest").text
    one_wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
    for presented in ("", "x", text[:-1], text + "0", one_wrong, text.upper(), text + "\n", text.replace("ing", "adm")):
        assert refused(presented), presented


@pytest.mark.requirement("S27")
def test_a_key_that_nobody_made_is_refused(moto_store: None) -> None:
    assert refused(new_key("ingest").text)


@pytest.mark.requirement("S27")
def test_the_id_of_a_key_with_another_secret_is_refused(moto_store: None) -> None:
    key = made("ingest")
    forged = f"scry_ing_{key.key_id}{'a' * 30}"
    assert refused(forged + api_keys.checksum(forged))


@pytest.mark.requirement("S27")
def test_a_key_does_not_work_as_the_other_kind(moto_store: None) -> None:
    key = made("ingest")
    other = "scry_qry_" + key.text[9:-6]
    assert refused(other + api_keys.checksum(other))


@pytest.mark.requirement("S27")
def test_an_expired_key_is_refused_although_it_is_still_stored(moto_store: None) -> None:
    key = made("ingest", expires_at=NOW + 60)
    assert not refused(key.text, now=NOW + 59)
    assert refused(key.text, now=NOW + 60)


@pytest.mark.requirement("S11", "S23")
def test_the_store_has_the_hash_of_a_secret_and_no_secret(moto_store: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = made("ingest")
    authenticated(key.text, now=NOW)
    secret = key.text[17:47]
    stored = [found.serialize() for partition in _partitions(key.key_id) for found in KeyItem.query(partition)]
    assert len(stored) == 2
    assert secret not in repr(stored)
    assert key.text not in caplog.text
    assert secret not in caplog.text


def test_ingest_keys_cannot_read_and_query_keys_cannot_write() -> None:
    assert Permission.EVENTS_READ not in MAY["ingest"]
    assert MAY["query"] <= READS


def test_the_documented_expression_finds_keys_in_other_text() -> None:
    [written] = re.findall(r"^ {4}(scry_\(.*)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    for kind in MAY:
        key = new_key(kind).text
        for expression in (re.compile(written), KEY):
            found = expression.search(f'curl -H "Authorization: Bearer {key}"')
            assert found is not None
            assert found[0] == key


def _partitions(key_id: str) -> list[Any]:
    return [keys.key_partition(key_id), keys.org_keys_partition(ORG)]


def decode62(text: str) -> int:
    number = 0
    for character in text:
        number = number * 62 + api_keys._BASE62.index(character)
    return number
