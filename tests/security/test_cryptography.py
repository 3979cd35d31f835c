"""Secrets are long enough, drawn by the system's generator, and compared in constant time."""

import ast
import math
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.identity import api_keys, devices, invitations, links, second_factor, sessions, totp
from chalicelib.settings import SettingsWrong
from chalicelib.storage import cursors
from chalicelib.web import csrf
from infra.rules import findings

ROOT = Path(__file__).parents[2]

BITS = {
    "session": sessions.COOKIE_BYTES * 8,
    "device": devices.VALUE_BYTES * 8,
    "secret of an invitation": invitations.SECRET_BYTES * 8,
    "id of a link": links.ID_BYTES * 8,
    "seed of an authenticator": len(totp.new_secret()) * 8,
    "binding of a form": len(csrf.new_binding()) * 6,
    "secret of a key": math.log2(62) * 30,
    "signature of a cursor": cursors.SIGNATURE_BYTES * 8,
}

CHANCE = {"storage/dynamodb", "storage/writes", "events/training", "events/block/training", "events/block/masking"}
"""Where `random` is good enough: pauses, and filler for samples. A secret is drawn in none of them."""


@pytest.mark.requirement("V11.5.1", "V11.2.3", "V7.2.3")
@pytest.mark.parametrize("what", BITS)
def test_nobody_guesses_it(what: str) -> None:
    assert BITS[what] >= 128


@pytest.mark.requirement("V6.5.2", "V6.5.4", "V6.5.3")
def test_a_recovery_code_may_be_kept_under_a_plain_hash() -> None:
    codes = second_factor._new_codes()
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    for code in codes:
        assert len(second_factor.normal(code)) * math.log2(len(second_factor.RECOVERY_LETTERS)) >= 112


@pytest.mark.requirement("V11.2.3")
def test_a_key_is_drawn_whole() -> None:
    key = api_keys.new_key("ingest")
    secret = key.text.removeprefix("scry_ing_")[8:38]
    assert len(secret) == 30
    assert len({api_keys.new_key("ingest").text for _ in range(20)}) == 20


@pytest.mark.requirement("V11.5.1", "V6.5.3")
def test_random_is_imported_only_where_nothing_is_secret() -> None:
    using = {
        path.relative_to(ROOT / "chalicelib").with_suffix("").as_posix()
        for path in ROOT.glob("chalicelib/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(each.name == "random" for each in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module in ("random", "uuid"))
    }
    assert using <= CHANCE


@pytest.mark.requirement("V11.2.4", "S12")
def test_no_module_compares_a_secret_but_in_constant_time() -> None:
    """`tests/rules/test_house_rules.py` proves that the rule finds one."""
    found = [
        str(finding)
        for path in sorted(ROOT.glob("chalicelib/**/*.py"))
        for finding in findings(path.relative_to(ROOT).as_posix(), path.read_text())
        if finding.rule == "digest"
    ]
    assert found == []


@pytest.mark.requirement("V11.1.1", "V11.2.3")
@pytest.mark.parametrize("secret", ["", "5c" * 31, "password", "5c" * 32 + ",5c"])
def test_a_deployment_does_not_start_with_a_short_secret(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_SECRETS", secret)
    settings.current.cache_clear()
    with pytest.raises(SettingsWrong, match="32 bytes"):
        settings.current()


@pytest.mark.requirement("V11.2.2")
def test_a_cursor_outlives_a_change_of_the_secret_and_not_its_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = cursors.seal(b"list", b"place")
    for secrets, works in (("6d" * 32 + "," + "5c" * 32, True), ("6d" * 32, False)):
        monkeypatch.setenv("SCRY_SECRETS", secrets)
        settings.current.cache_clear()
        if works:
            assert cursors.unseal(b"list", sealed) == b"place"
        else:
            with pytest.raises(cursors.CursorRefused):
                cursors.unseal(b"list", sealed)
