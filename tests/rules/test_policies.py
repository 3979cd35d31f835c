"""Each function's policy names single actions on tables that exist."""

import json
import re
from pathlib import Path

import pytest

from chalicelib.storage.tables.models import MODELS

CHALICE = Path(__file__).resolve().parent.parent.parent / ".chalice"
POLICIES = sorted(CHALICE.glob("policy-*.json"))
TABLES = {model.table for model in MODELS}


def statements(policy: Path):
    return json.loads(policy.read_text())["Statement"]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)
def test_no_action_is_a_wildcard(policy):
    actions = [action for statement in statements(policy) for action in statement["Action"]]
    assert actions
    assert not [action for action in actions if "*" in action or "?" in action]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)
def test_every_table_is_named_in_full_and_exists(policy):
    named = re.findall(r"dynamodb:\*:\*:table/scrywatch-[a-z]+-([^\"]+)\"", policy.read_text())
    assert named
    assert set(named) <= TABLES


def test_chalice_invents_no_policy():
    config = json.loads((CHALICE / "config.json").read_text())
    assert config["autogen_policy"] is False
    assert "minimum_compression_size" not in config
    assert all((CHALICE / stage["iam_policy_file"]).exists() for stage in config["stages"].values())
