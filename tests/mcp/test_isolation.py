"""A project's assistant sees that project: nothing of another comes through any argument, cursor or id."""

import json

import pytest

from chalicelib.events.event import Event
from chalicelib.ids import DAY_MS
from chalicelib.mcp.protocol import answer
from tests.conftest import NOW_MS
from tests.engine.project import Project
from tests.mcp.world import Assistant, document, modern, server

CANARY = "canary-7f3a91"


@pytest.fixture
def alice(engine_store) -> Assistant:
    return Assistant(_project(CANARY))


@pytest.fixture
def mallory(engine_store) -> Assistant:
    return Assistant(_project("own"))


def _project(word: str) -> Project:
    project = Project(now_ms=NOW_MS)
    project.send([
        Event(
            timestamp=NOW_MS - 1_000 - at, message=f"{word} happened {at}", service=word, user_id=word,
            trace_id="shared", metadata={word: word},
        )
        for at in range(20)
    ])  # fmt: skip
    return project


@pytest.mark.engine
@pytest.mark.requirement("S6", "I4")
def test_nothing_of_another_project_comes_through_any_argument(alice, mallory):
    found = alice.facts("search_events", limit=5)
    theirs = found["data"][0][found["columns"].index("id")]
    cursor = found["next_cursor"]
    assert CANARY in json.dumps(found)
    scope = alice.project.scope
    names = [scope.org.hex(), scope.project.hex(), "acme", "shop", "*", "../shop", "t|p"]
    calls = [
        ("project_overview", {"since": "7d"}),
        *(
            ("search_events", {"q": q, "since": "7d"})
            for q in ("", CANARY, f"service:{CANARY}", f"metadata.{CANARY}:*")
        ),
        ("search_events", {"cursor": cursor}),
        ("search_events", {"cursor": cursor, "limit": 5}),
        ("search_events", {"fields": [f"metadata.{CANARY[:6]}", "metadata"]}),
        ("trace_events", {"trace_id": "shared"}),
        ("trace_events", {"trace_id": "shared", "cursor": cursor}),
        ("get_event", {"id": theirs}),
        ("aggregate_events", {"by": ["user_id"], "since": "7d"}),
        ("list_patterns", {"since": "7d"}),
        ("compare_windows", {}),
        *(("search_events", {name: value}) for name in ("project", "org", "scope", "tenant") for value in names),
    ]
    for tool, arguments in calls:
        told = mallory.ask(tool, **arguments)
        said = json.dumps(told)
        assert f"{CANARY} happened" not in said, (tool, arguments)
        assert CANARY not in said or CANARY in json.dumps(arguments), (tool, arguments)
    own = mallory.facts("search_events", limit=5)
    assert mallory.facts("search_events", limit=5, cursor=own["next_cursor"])["rows"] == 5


@pytest.mark.engine
@pytest.mark.requirement("S6", "I4")
def test_a_foreign_id_and_one_that_never_was_are_told_apart_by_nobody(alice, mallory):
    found = alice.facts("search_events", limit=1)
    theirs = found["data"][0][found["columns"].index("id")]
    never = theirs[:-1] + ("a" if theirs[-1] != "a" else "b")
    assert mallory.mistake("get_event", id=theirs) == mallory.mistake("get_event", id=never)
    assert mallory.mistake("search_events", cursor=found["next_cursor"]) == mallory.mistake(
        "search_events", cursor="AAAA"
    )


@pytest.mark.requirement("S7", "I4")
def test_documents_and_prompts_name_the_one_project_only(moto_store):
    project = Project(now_ms=NOW_MS, retention_days=12)
    for method, params in (
        ("resources/read", {"uri": "scrywatch://schema"}),
        ("prompts/get", {"name": "investigate_error_spike", "arguments": {"org": "evil", "since": "1h"}}),
        ("server/discover", {}), ("tools/list", {}),
    ):  # fmt: skip
        said = answer(*modern(method, params), server(project)).body.decode()
        assert "evil" not in said
        assert project.scope.org.hex() not in said
    read = document(answer(*modern("resources/read", {"uri": "scrywatch://schema"}), server(project)))
    assert "kept for 12 days" in read["result"]["contents"][0]["text"]
    assert project.scope.retention_ms == DAY_MS * 12
