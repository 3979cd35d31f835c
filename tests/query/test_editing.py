"""Queries changed by a click: what comes out means what was clicked, and is a query like any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.event import LEVELS, Event
from chalicelib.events.query.editing import edited, is_asked, terms_of, text_of_query, value_test, without, words_in
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.language import parse
from chalicelib.events.query.match import matches
from tests.query.strategies import events, expressions, words

CLICKS = [
    # query, field, value, and what each click makes of it: only, include, exclude
    ("", "service", "api", "service:api", "service:api", "-service:api"),
    ("timeout", "service", "api", "timeout service:api", "timeout service:api", "timeout -service:api"),
    ("service:web", "service", "api", "service:api", "service:web OR service:api", "service:web -service:api"),
    ("a type:b", "type", "c", "a type:c", "a (type:b OR type:c)", "a type:b -type:c"),
    ("service:api", "service", "api", "service:api", "service:api", "-service:api"),
    ("-service:api", "service", "api", "service:api", "service:api", "-service:api"),
    (
        "service:(web OR api)", "service", "api",
        "service:api", "service:web OR service:api", "service:web -service:api",
    ),
    ("level>=warn", "level", "error", "level:error", "level>=warn level:error", "level>=warn -level:error"),
    ("-service:web", "service", "api", "service:api", "-service:web service:api", "-service:web -service:api"),
    ("service:web OR timeout", "service", "api", None, None, None),
    ("", "service", "", "-service:*", "-service:*", "service:*"),
    ("", "metadata.odd key", "1..5", 'metadata."odd key":"1..5"', None, '-metadata."odd key":"1..5"'),
]  # fmt: skip


@pytest.mark.parametrize(("query", "field", "value", "only", "include", "exclude"), CLICKS)
def test_a_click_on_a_value_makes_the_query_that_a_person_would_type(query, field, value, only, include, exclude):
    for how, expected in (("only", only), ("include", include), ("exclude", exclude)):
        if expected is not None:
            assert text_of_query(edited(parse(query), field, value, how)) == expected


fields = st.sampled_from(("service", "type", "user_id", "metadata.status", "metadata.http.status", "message", "level"))
clicked = st.tuples(fields, words | st.sampled_from(LEVELS))
ways = st.sampled_from(("only", "include", "exclude"))


@given(expressions(), clicked, ways)
def test_what_comes_out_is_understood_as_the_same(query: Expression, click: tuple[str, str], how) -> None:
    changed = edited(query, *click, how)
    assert parse(describe(changed)) == changed


@given(expressions(), clicked, events())
def test_only_finds_nothing_without_the_value_and_exclude_nothing_with_it(query, click, event: Event) -> None:
    has = matches(value_test(*click), event)
    assert has or not matches(edited(query, *click, "only"), event)
    assert not has or not matches(edited(query, *click, "exclude"), event)


@given(expressions(), clicked, events())
def test_include_loses_nothing_that_has_the_value_and_was_found(query, click, event: Event) -> None:
    if matches(query, event) and matches(value_test(*click), event):
        assert matches(edited(query, *click, "include"), event)


@given(expressions(), clicked, ways)
def test_the_same_click_again_changes_nothing(query: Expression, click: tuple[str, str], how) -> None:
    once = edited(query, *click, how)
    assert edited(once, *click, how) == once


@given(expressions(), clicked)
def test_what_was_clicked_is_shown_as_clicked(query: Expression, click: tuple[str, str]) -> None:
    assert is_asked(edited(query, *click, "only"), *click) == "only"
    assert is_asked(edited(query, *click, "exclude"), *click) == "exclude"


@given(expressions(), st.integers(0, 5))
def test_a_term_is_taken_away_and_all_others_stay(query: Expression, place: int) -> None:
    terms = terms_of(query)
    assert terms_of(without(query, place)) == terms[:place] + terms[place + 1 :]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("timeout", ("timeout",)),
        ('"card declined" level:error (slow OR timeout)', ("card declined", "slow", "timeout")),
        ("-timeout service:api", ()),
        ("*", ()),
    ],
)
def test_the_words_to_be_marked_are_those_that_were_looked_for(query: str, words: tuple[str, ...]) -> None:
    assert words_in(parse(query)) == words
