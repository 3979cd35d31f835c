"""What a view keeps is the question of an address, and nothing but the question: opened it is the same one again."""

from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.events.query.language import parse
from chalicelib.identity.views import LONGEST_STATE
from chalicelib.routes.pages.explore.asked import Asked, link, within_of
from chalicelib.routes.pages.explore.columns import columns_in
from chalicelib.routes.pages.explore.kept import StateRefused, asked_by, in_words, read_state, state_of
from tests.conftest import NOW_MS
from tests.web.requests import request

HERE = replace(request(), now_ms=NOW_MS)

QUERIES = st.sampled_from(
    ["", "timeout", "level>=warn", '"card declined" -service:search', '"a&b=c+d%20#e"', "metadata.größe:7", "*", " x  "]
)
RANGES = st.sampled_from(
    [{}, {"since": "15m"}, {"since": " 7D "}, {"start": "yesterday 17:30"}, {"start": "2026-09-01", "end": "now"},
     {"end": "2026-09-20T10:00Z"}, {"since": "2h", "end": "now"}]
)  # fmt: skip
COLUMNS = st.lists(st.sampled_from(["environment", "user_id", "metadata.http.status", "metadata.ü", "level", " "]))
PLACES = st.fixed_dictionaries(
    {}, optional={"cursor": st.just("abc"), "open": st.just("e1"), "copy": st.just("json"), "limit": st.just(7)}
)


@st.composite
def questions(draw: Any) -> Asked:
    columns, _ = columns_in(",".join(draw(COLUMNS)))
    order = draw(st.sampled_from(["asc", "desc"]))
    return Asked(q=draw(QUERIES), columns=",".join(columns), order=order, **draw(RANGES), **draw(PLACES))


@given(questions())
def test_what_was_saved_opens_as_the_same_question(asked: Asked):
    opened = asked_by(read_state(link(asked), HERE), HERE)
    assert parse(opened.q) == parse(asked.q)
    assert within_of(opened, HERE) == within_of(asked, HERE)
    assert columns_in(opened.columns) == columns_in(asked.columns)
    assert opened.order == asked.order


@given(questions())
def test_a_state_is_written_in_one_way_and_says_nothing_of_a_place(asked: Asked):
    state = state_of(asked)
    assert read_state(state, HERE) == state_of(asked_by(state, HERE)) == state
    assert parse_qs(state).keys() <= {"q", "since", "from", "to", "columns", "order"}
    assert state.isascii()
    assert state_of(replace(asked, cursor="other", open="other", copy="text", limit=99)) == state


def test_the_usual_stretch_of_time_is_named():
    assert state_of(Asked()) == "since=1h"
    assert read_state("", HERE) == read_state("?since=1h", HERE) == "since=1h"


def test_words_for_times_stay_words():
    assert read_state("from=yesterday+17:30&to=now", HERE) == "from=yesterday+17:30&to=now"


@pytest.mark.requirement("V2.2.1")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("q=servce:api", "No field `servce`"),
        ("q=(a", "`(` is never closed"),
        ("since=1q", "no length of time"),
        ("since=1h&from=2026-01-01", "Give either"),
        ("from=2026-01-02&to=2026-01-01", "ends before it starts"),
        ("columns=servce", "There is no field `servce`"),
        ("columns=a.b,metadata.a,metadata.b,metadata.c,metadata.d,metadata.e,metadata.f,metadata.g", ""),
        ("colour=red", "There is no parameter `colour`"),
        ("q=a&q=b", "more than once"),
        ("order=up", "must be one of"),
        ("q=%FF", "behind the `?`"),
        ("nonsense", "behind the `?`"),
        ("q=" + "x" * LONGEST_STATE, "At most 2,000 characters"),
        ("&".join(f"a{n}=1" for n in range(40)), "behind the `?`"),
    ],
)
def test_what_the_explorer_would_not_understand_is_not_kept(text: str, why: str):
    with pytest.raises(StateRefused) as refused:
        read_state(text, HERE)
    assert why in str(refused.value)
    assert str(refused.value).endswith((".", "?"))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(), ("", "last hour")),
        (Asked(q="level:error", since="90s"), ("level:error", "last 90s")),
        (Asked(start="yesterday", end="now", columns="environment"), ("", "from yesterday to now, 1 column")),
        (Asked(end="now", columns="user_id,environment", order="asc"), ("", "to now, 2 columns, oldest first")),
        (Asked(q="a\nb\u202e"), ("a␊b⟨202E⟩", "last hour")),
    ],
)
def test_a_question_is_said_in_words(asked: Asked, words: tuple[str, str]):
    assert in_words(asked) == words
