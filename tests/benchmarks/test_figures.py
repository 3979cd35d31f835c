"""The table: what was promised is judged, what was missed says so, and nothing is left out."""

import pytest

from benchmarks.figures import Beside, Figure, Goal, shown, summary, table

LOOP = Beside("a loop", 2.0)


def figure(value: float, goal: Goal | None = None, *beside: Beside) -> Figure:
    return Figure(name="speed", value=value, unit="M/s", goal=goal, beside=beside or (LOOP,))


@pytest.mark.parametrize(
    ("value", "goal", "met"),
    [
        (48.0, Goal("at most", 48), True),
        (48.1, Goal("at most", 48), False),
        (20.0, Goal("at least", 10, of="ratio"), True),
        (19.9, Goal("at least", 10, of="ratio"), False),
        (19.9, None, None),
    ],
)
def test_a_goal_is_of_the_figure_or_of_its_ratio_to_what_stands_beside_it(
    value: float, goal: Goal | None, met: bool | None
) -> None:
    assert figure(value, goal).met is met


def test_a_ratio_to_what_could_not_be_measured_is_a_goal_missed() -> None:
    assert figure(20, Goal("at least", 10, of="ratio"), Beside("a peer", None)).met is False


def test_a_missed_goal_is_a_line_like_any_other() -> None:
    lines = list(table([figure(50, Goal("at most", 48)), figure(40, Goal("at most", 48))]))

    assert len(lines) == 4
    assert lines[2].endswith("<= 48  MISSED")
    assert lines[3].endswith("<= 48  met")


def test_every_peer_has_a_line_and_one_that_is_not_installed_says_so() -> None:
    lines = list(table([figure(50, None, LOOP, Beside("a peer", None))]))

    assert lines[2].split() == ["speed", "50", "M/s", "a", "loop", "2", "25", "x"]
    assert lines[3].split() == ["a", "peer", "not", "installed"]


def test_the_summary_counts_what_was_met_and_what_was_missed() -> None:
    figures = [figure(50, Goal("at most", 48)), figure(40, Goal("at most", 48)), figure(1)]

    assert summary(figures) == "1 goals met, 1 missed; 1 figures without a goal"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1_000_250.4, "1,000,250"),
        (112, "112"),
        (40.876, "40.88"),
        (14, "14"),
        (0.0351, "0.035"),
        (0.5, "0.5"),
    ],
)
def test_figures_show_digits_that_say_something(value: float, text: str) -> None:
    assert shown(value) == text
