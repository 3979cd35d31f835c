"""What a deploy changed: what was planted after it is found, what was there before is told, and nothing else is."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.event import Event
from chalicelib.events.query import budget, deploy_diff
from chalicelib.events.query.deploy_diff import DeployDiff
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.store.deploys import Deploy, Release
from chalicelib.ids import DAY_MS
from chalicelib.routes.pages.deploy_page import Seen, change_in_words, notes, verdict
from chalicelib.storage.audit import SYSTEM
from tests.deploys.conftest import MINUTE
from tests.engine.project import NOW, Project, on_one_engine, soon

AT = NOW - 15 * MINUTE
WORDS = ("card declined", "provider slow", "order placed", "cache miss", "session began")


def diff(
    project: Project, *, at: int = AT, minutes: int = 15, of: Expression | None = None, now_ms: int = NOW
) -> DeployDiff:
    found = deploy_diff.around(
        project.scope, at, longest_ms=minutes * MINUTE, expression=of or Everything(), now_ms=now_ms, deadline=soon()
    )
    assert found is not None
    return found


def said(message: str, level: str, at: int, count: int = 1, service: str = "api") -> list[Event]:
    return [
        Event(timestamp=at + number, message=f"{message} {number}", level=level, service=service)
        for number in range(count)
    ]


def templates(found: DeployDiff, change: Any) -> set[str]:
    return {each.pattern.template for each in found.patterns()[change]}


def test_what_is_new_gone_more_and_less_is_told_apart(moto_store):
    project = Project()
    project.send(
        said("old fault", "error", AT - 5 * MINUTE, 3) + said("busy", "info", AT - 4 * MINUTE, 10)
        + said("calm", "info", AT - 3 * MINUTE, 40) + said("steady", "info", AT - 2 * MINUTE, 20),
        said("new fault", "error", AT + MINUTE, 7) + said("busy", "info", AT + 2 * MINUTE, 60)
        + said("calm", "info", AT + 3 * MINUTE, 4) + said("steady", "info", AT + 4 * MINUTE, 21),
    )  # fmt: skip
    found = diff(project)
    assert templates(found, "new") == {"new fault <n>"}
    assert templates(found, "gone") == {"old fault <n>"}
    assert templates(found, "more") == {"busy <n>"}
    assert templates(found, "less") == {"calm <n>"}
    assert templates(found, "steady") == {"steady <n>"}
    assert found.level("error", "fatal") == (3, 7)
    assert verdict(found) == "1 new error pattern; errors 3 → 7."
    assert not found.partial


def test_the_moment_itself_is_after(moto_store):
    project = Project()
    project.send(said("before", "info", AT - 1) + said("after", "info", AT))
    found = diff(project)
    assert (templates(found, "gone"), templates(found, "new")) == ({"before <n>"}, {"after <n>"})


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_as_long_before_as_after(moto_store, minutes: int):
    project, at = Project(now_ms=NOW), NOW - 60 * MINUTE
    project.send(said("just before", "info", at - minutes * MINUTE))
    project.send(said("too early", "info", at - minutes * MINUTE - 1))
    project.send(said("just after", "info", at + minutes * MINUTE - 1))
    project.send(said("too late", "info", at + minutes * MINUTE) if minutes < 60 else [])
    found = diff(project, at=at, minutes=minutes)
    assert (templates(found, "gone"), templates(found, "new")) == ({"just before <n>"}, {"just after <n>"})


def test_soon_after_a_deploy_equal_lengths_are_compared(moto_store):
    project, at = Project(), NOW - 3 * MINUTE
    project.send(said("long before", "info", at - 3 * MINUTE - 1) + said("before", "info", at - 3 * MINUTE))
    found = diff(project, at=at)
    assert found.length_ms == 3 * MINUTE
    assert templates(found, "gone") == {"before <n>"}


@pytest.mark.parametrize("passed", [-60_000, 0, 999])
def test_in_the_first_second_there_is_nothing_to_tell(moto_store, passed: int):
    project = Project()
    assert (
        deploy_diff.around(
            project.scope, NOW - passed, longest_ms=MINUTE, expression=Everything(), now_ms=NOW, deadline=soon()
        )
        is None
    )


def test_the_services_that_were_hit_come_first(moto_store):
    project = Project()
    project.send(
        said("fine", "info", AT - MINUTE, 50, "loud") + said("fine", "info", AT - MINUTE, 5, "hit"),
        said("fine", "info", AT + MINUTE, 80, "loud") + said("broken", "error", AT + MINUTE, 4, "hit")
        + said("worse", "fatal", AT + MINUTE, 2, "hit") + said("odd", "error", AT + MINUTE, 1, "grazed"),
    )  # fmt: skip
    found = [(each.name, each.events, each.errors) for each in diff(project).services()]
    assert found == [("hit", (5, 6), (0, 6)), ("grazed", (0, 1), (0, 1)), ("loud", (50, 80), (0, 0))]


def test_only_its_own_service_and_environment_if_asked(moto_store):
    project = Project()
    project.send(
        said("here", "error", AT + MINUTE, 2, "api") + said("elsewhere", "error", AT + MINUTE, 2, "web"),
        [Event(timestamp=AT + MINUTE, message="staging", level="error", service="api", environment="staging")],
    )
    assert templates(diff(project, of=deploy_diff.of_release("api", "")), "new") == {"here <n>", "staging"}
    assert templates(diff(project, of=deploy_diff.of_release("api", "staging")), "new") == {"staging"}
    assert templates(diff(project, of=deploy_diff.of_release("", "")), "new") == {
        "here <n>",
        "elsewhere <n>",
        "staging",
    }


@pytest.mark.requirement("S37")
def test_what_the_window_left_behind_is_compared_by_nobody(moto_store):
    project = Project(retention_days=7)
    project.send(said("forgotten", "error", AT - MINUTE) + said("kept", "error", AT + MINUTE))
    found = diff(project, now_ms=AT + 7 * DAY_MS)
    assert (templates(found, "gone"), templates(found, "new")) == (set(), {"kept <n>"})


@pytest.mark.requirement("I11")
def test_what_was_not_read_is_told(moto_store, monkeypatch: pytest.MonkeyPatch):
    project = Project()
    for number in range(4):
        project.send(said("before", "info", AT - MINUTE * (number + 1)), said("after", "info", AT + MINUTE * number))
    assert not diff(project).partial
    monkeypatch.setattr(budget, "BLOCKS", 2)
    found = diff(project)
    assert found.partial
    seen = Seen(Deploy("", AT, Release("v1"), SYSTEM, NOW), 15, Everything(), found)
    assert notes(seen, scope=project.scope, now_ms=NOW)[0].startswith("Partial: not everything was read.")


SAID = st.lists(
    st.tuples(
        st.sampled_from(WORDS), st.sampled_from(["fatal", "error", "warn", "info", "debug"]),
        st.integers(-20 * MINUTE, 15 * MINUTE - 1), st.sampled_from(["api", "web", ""]),
    ),
    max_size=40,
)  # fmt: skip


@pytest.mark.engine
@on_one_engine
@given(batches=st.lists(SAID, min_size=1, max_size=4), minutes=st.sampled_from([5, 15]))
def test_it_says_what_looking_at_every_event_says(engine_store, batches: Sequence[Any], minutes: int):
    project = Project()
    project.send(
        *(
            [
                Event(timestamp=AT + at, message=words, level=level, service=service)
                for words, level, at, service in each
            ]
            for each in batches
            if each
        )
    )
    found = diff(project, minutes=minutes)
    sides = [
        [each for each in project.events if start <= each.timestamp < start + minutes * MINUTE]
        for start in (AT - minutes * MINUTE, AT)
    ]
    for level in ("fatal", "error", "warn", "info", "debug"):
        assert found.level(level) == tuple(sum(each.level == level for each in side) for side in sides)
    counted = {
        each.pattern.template: (each.before, each.after) for patterns in found.patterns().values() for each in patterns
    }
    seen = {words: tuple(sum(each.message == words for each in side) for side in sides) for words in WORDS}
    assert counted == {words: pair for words, pair in seen.items() if any(pair)}
    for words in templates(found, "new"):
        assert seen[words][0] == 0 < seen[words][1]
    for words in templates(found, "gone"):
        assert seen[words][0] > 0 == seen[words][1]
    severe = [[each.service for each in side if each.level in ("error", "fatal")] for side in sides]
    affected = {each.name: each for each in found.services()}
    for name in ("api", "web"):
        events = tuple(sum(each.service == name for each in side) for side in sides)
        errors = tuple(side.count(name) for side in severe)
        assert (events, errors) == ((affected[name].events, affected[name].errors) if name in affected else NOTHING)


NOTHING = ((0, 0), (0, 0))


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((0, 0), ""), ((0, 3), "new"), ((3, 0), "gone"), ((12, 140), "×11.7"), ((100, 103), "same"),
        ((200, 2), "×0.01"),        ((10, 5), "×0.5"), ((100, 106), "×1.1"),
    ],
)  # fmt: skip
def test_a_change_is_a_word(pair: tuple[int, int], words: str):
    assert change_in_words(pair) == words
