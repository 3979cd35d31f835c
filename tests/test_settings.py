"""The environment is read once, and all that is wrong with it is said at once."""

import re
from pathlib import Path

import pytest

from chalicelib.settings import SettingsWrong, from_environment

GOOD = {"SCRY_SECRETS": "ab" * 32}


def test_every_problem_is_named_at_once():
    wrong = {
        "SCRY_STAGE": "no spaces please",
        "SCRY_DYNAMODB_ENDPOINT": "ftp://x",
        "SCRY_SECRETS": "ab",
        "SCRY_URL": "nowhere",
        "SCRY_RETENTION_DAYS": "0",
        "SCRY_MCP_ORIGINS": "https://app.example/path",
        "SCRY_REFRESH_REPLAY_SECONDS": "61",
        "SCRY_ADVERTISE_ISS": "maybe",
        "SCRY_VERSION": "the newest",
        "SCRY_SECURITY_CONTACT": "ring twice",
    }
    with pytest.raises(SettingsWrong) as refused:
        from_environment(wrong)
    assert len(refused.value.problems) == len(wrong)
    for name in wrong:
        assert any(name in problem for problem in refused.value.problems)


def test_a_missing_secret_is_a_problem():
    with pytest.raises(SettingsWrong, match="SCRY_SECRETS is missing"):
        from_environment({})


def test_problems_do_not_tell_secrets():
    with pytest.raises(SettingsWrong) as refused:
        from_environment({"SCRY_SECRETS": "abcd,zzzz"})
    assert "abcd" not in str(refused.value)
    assert "zzzz" not in str(refused.value)


def test_secrets_are_listed_newest_first():
    assert from_environment({"SCRY_SECRETS": "aa" * 32 + "," + "bb" * 32}).secrets == (b"\xaa" * 32, b"\xbb" * 32)


def test_every_setting_is_documented_and_nothing_else():
    root = Path(__file__).parents[1]
    read = set(re.findall(r'"(SCRY_[A-Z_]+)"', (root / "chalicelib" / "settings.py").read_text()))
    documented = set(re.findall(r"^\| `(SCRY_[A-Z_]+)`", (root / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert read == documented


def test_tables_carry_the_stage():
    assert from_environment(GOOD | {"SCRY_STAGE": "prod"}).table_prefix == "scrywatch-prod-"


@pytest.mark.parametrize(
    "wrong", ["*", "null", "app.example", "https://", "https://App.example", "https://a.example/", "ftp://a.example"]
)
def test_an_origin_is_written_as_browsers_write_it(wrong):
    with pytest.raises(SettingsWrong, match="SCRY_MCP_ORIGINS"):
        from_environment(GOOD | {"SCRY_MCP_ORIGINS": f"https://app.example,{wrong}"})


def test_origins_are_separated_by_commas():
    read = from_environment(GOOD | {"SCRY_MCP_ORIGINS": "https://app.example, http://localhost:6274,"})
    assert read.mcp_origins == {"https://app.example", "http://localhost:6274"}
    assert from_environment(GOOD).mcp_origins == frozenset()


@pytest.mark.requirement("O17")
def test_a_refresh_token_is_never_replayed_unless_the_deployment_says_so():
    assert from_environment(GOOD).refresh_replay_seconds == 0
    assert from_environment(GOOD | {"SCRY_REFRESH_REPLAY_SECONDS": "60"}).refresh_replay_seconds == 60
