"""What an assistant is told of deploys: the newest three, in few words, and nothing that pretends to be ours."""

import pytest

from chalicelib.mcp.text import TOKENS, tokens
from tests.conftest import NOW_MS
from tests.deploys.conftest import MINUTE, recorded
from tests.engine.project import Project
from tests.mcp.test_bounds import HIDDEN, NASTY
from tests.mcp.world import Assistant


@pytest.fixture
def project(moto_store: None) -> Project:
    return Project(now_ms=NOW_MS)


def test_the_overview_names_the_newest_three(project: Project):
    for number in range(5):
        recorded(project.scope, f"v{number}", service="api", environment="production", at=NOW_MS - number * MINUTE)
    facts = Assistant(project).facts("project_overview")
    assert facts["deploys"] == [
        "2026-09-21T14:13:20.000Z v0, api, production",
        "2026-09-21T14:12:20.000Z v1, api, production",
        "2026-09-21T14:11:20.000Z v2, api, production",
    ]
    text = Assistant(project).ask("project_overview")["content"][0]["text"]
    assert "newest deploys: 2026-09-21T14:13:20.000Z v0, api, production; 2026-09-21T14:12:20.000Z v1" in text


def test_a_project_without_deploys_costs_no_token_more(project: Project):
    result = Assistant(project).ask("project_overview")
    assert "deploys" not in result["structuredContent"]
    assert "deploys" not in result["content"][0]["text"]


@pytest.mark.requirement("I4")
def test_deploys_of_another_project_are_not_told(project: Project):
    recorded(Project(now_ms=NOW_MS).scope, "theirs")
    assert "theirs" not in str(Assistant(project).ask("project_overview"))


def test_what_strangers_wrote_into_a_version_is_short_and_harmless(project: Project):
    for number in range(3):
        text = f"{number}{NASTY}" + "日本" * 50
        recorded(project.scope, text, service=text, environment=text)
    result = Assistant(project).ask("project_overview")
    text = result["content"][0]["text"]
    assert tokens(text) < TOKENS / 4
    assert HIDDEN.search(text) is None
    assert len(text.splitlines()) < 20
