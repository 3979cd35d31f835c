"""The operator's commands, as they are typed."""

import json
import time
from typing import Any

import pytest

from chalicelib.identity.api_keys import KeyRefused, authenticated
from chalicelib.identity.projects import ids_of
from infra.admin import main
from infra.first_account import bootstrap
from tests.api.client import Client

CREATE = ("create-project", "--org", "acme", "--project", "shop")
Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refusal(capsys: Capture, *arguments: str) -> str:
    assert main(arguments) == 1
    return capsys.readouterr().err


def test_a_project_is_created_and_its_keys_are_printed_once(store: None, capsys: Capture) -> None:
    made = said(capsys, *CREATE, "--retention-days", "7")
    assert {name: made[name] for name in ("org", "project", "retention_days")} == {
        "org": "acme", "project": "shop", "retention_days": 7
    }  # fmt: skip
    assert authenticated(made["ingest_key"], now=0).kind == "ingest"
    assert authenticated(made["query_key"], now=0).kind == "query"
    assert said(capsys, "list-projects", "--org", "acme") == {
        "projects": [{"project": "shop", "name": "shop", "retention_days": 7}]
    }


def test_as_text_the_keys_stand_beside_their_names(moto_store: None, capsys: Capture) -> None:
    assert main(CREATE) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert lines["ingest_key"].startswith("scry_ing_")
    assert lines["query_key"].startswith("scry_qry_")


def test_keys_are_made_listed_and_revoked(moto_store: None, capsys: Capture) -> None:
    said(capsys, *CREATE)
    where = ("--org", "acme", "--project", "shop")
    made = said(capsys, "create-key", *where, "--kind", "query", "--label", "grafana", "--lifetime-days", "30")
    listed = said(capsys, "list-keys", *where)["keys"]
    assert sorted(key["label"] for key in listed) == ["first", "first", "grafana"]
    assert made["key"] not in json.dumps(listed)
    said(capsys, "revoke-key", made["id"])
    assert len(said(capsys, "list-keys", *where)["keys"]) == 2
    with pytest.raises(KeyRefused):
        authenticated(made["key"], now=0)


def test_a_plan_is_given_and_shown_with_what_projects_have_of_it(moto_store: None, capsys: Capture) -> None:
    said(capsys, *CREATE)
    shop = {"project": "shop", "name": "shop", "retention_days": 30}
    own = {"org": "acme", "plan": "own", "retention_days": 30, "events_a_day": None, "projects": [shop]}
    assert said(capsys, "show-plan", "--org", "acme") == own
    pro = said(capsys, "set-plan", "--org", "acme", "--plan", "pro")
    assert pro == own | {
        "plan": "pro", "retention_days": 90, "events_a_day": 5_000_000, "projects": [shop | {"retention_days": 90}]
    }  # fmt: skip
    custom = ("set-plan", "--org", "acme", "--plan", "custom", "--retention-days", "400")
    assert said(capsys, *custom)["events_a_day"] is None
    assert said(capsys, *custom, "--events-a-day", "7")["events_a_day"] == 7
    assert main([*custom]) == 0
    assert "no limit" in capsys.readouterr().out


@pytest.mark.requirement("S37")
def test_a_plan_that_shortens_windows_says_what_goes_and_waits_for_a_yes(store: None, capsys: Capture) -> None:
    key = said(capsys, *CREATE)["ingest_key"]
    old = {"timestamp": int(time.time() * 1000) - 20 * 86_400_000, "message": "old"}
    assert Client().post("/api/ingest", {"events": [old]}, key=key).json["accepted"] == 1
    told = refusal(capsys, "set-plan", "--org", "acme", "--plan", "free")
    assert "shop from 30 to 7 days (1 events)" in told
    assert "--shorten" in told
    assert said(capsys, "show-plan", "--org", "acme")["plan"] == "own"
    given = said(capsys, "set-plan", "--org", "acme", "--plan", "free", "--shorten")
    assert (given["plan"], given["projects"][0]["retention_days"]) == ("free", 7)


def test_plans_that_cannot_be_say_why(moto_store: None, capsys: Capture) -> None:
    said(capsys, *CREATE)
    plan = ("set-plan", "--org", "acme", "--plan")
    assert "needs --retention-days" in refusal(capsys, *plan, "custom")
    assert "has its own numbers" in refusal(capsys, *plan, "free", "--events-a-day", "5")
    assert "no organisation 'x'" in refusal(capsys, "show-plan", "--org", "x")
    said(capsys, *plan, "free", "--shorten")
    beyond = ("create-project", "--org", "acme", "--project", "long", "--retention-days", "8")
    assert "1 to 7 days" in refusal(capsys, *beyond)


def test_what_cannot_be_done_says_why(moto_store: None, capsys: Capture) -> None:
    said(capsys, *CREATE)
    assert "'shop' is taken" in refusal(capsys, *CREATE)
    assert "cannot be a slug" in refusal(capsys, "create-project", "--org", "Acme Ltd", "--project", "x")
    assert "no project 'x'" in refusal(capsys, "create-key", "--org", "acme", "--project", "x", "--kind", "query")
    assert "no organisation 'x'" in refusal(capsys, "list-projects", "--org", "x")
    assert "no key 'abcdefgh'" in refusal(capsys, "revoke-key", "abcdefgh")


def test_without_tables_the_command_that_creates_them_is_named(
    moto_store: None, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib import settings

    monkeypatch.setenv("SCRY_STAGE", "other")
    settings.current.cache_clear()
    assert "create-tables" in refusal(capsys, *CREATE)
    assert "scrywatch-other-events" in said(capsys, "create-tables")["tables"]
    said(capsys, *CREATE)


def test_wrong_settings_are_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib import settings

    monkeypatch.setenv("SCRY_SECRETS", "")
    settings.current.cache_clear()
    assert "SCRY_SECRETS" in refusal(capsys, *CREATE)


def test_the_first_account_is_made_once_and_kept(moto_store: None) -> None:
    first = bootstrap(url="http://127.0.0.1:8000", known=None)
    assert set(first) == {"url", "email", "password", "org", "project", "ingest_key", "query_key", "mcp_url"}
    assert (first["org"], first["project"], first["mcp_url"]) == ("local", "app", "http://127.0.0.1:8000/mcp")
    assert ids_of("local", "app") is not None
    moved = bootstrap(url="http://127.0.0.1:9000", known=first)
    assert moved == first | {"url": "http://127.0.0.1:9000", "mcp_url": "http://127.0.0.1:9000/mcp"}


def test_an_account_that_was_lost_is_made_anew_under_another_slug(moto_store: None) -> None:
    first, second = (bootstrap(url="http://127.0.0.1:8000", known=None) for _ in range(2))
    assert (first["org"], second["org"]) == ("local", "local-2")
    assert first["email"] != second["email"]


def test_an_account_whose_data_is_gone_is_made_anew(moto_store: None) -> None:
    first = bootstrap(url="http://127.0.0.1:8000", known=None)
    gone = first | {"ingest_key": "scry_ing_" + "0" * 44}
    assert bootstrap(url="http://127.0.0.1:8000", known=gone)["ingest_key"] != first["ingest_key"]
