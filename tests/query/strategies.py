"""Random events and random queries that have a good chance of meeting each other."""

from typing import Any

from hypothesis import strategies as st

from chalicelib.events.event import LEVELS, Event
from chalicelib.events.query.expression import (
    Between,
    Compare,
    Contains,
    Equals,
    Everything,
    Exists,
    Expression,
    StartsWith,
    all_of,
    any_of,
    negated,
)

MINUTE = 60_000
START = 1_767_323_040_000  # 2026-01-02T03:04:00Z

WORDS = ("checkout", "Check", "payments", "api", "Straße", "ΟΔΟΣ", "İstanbul", "273 \u212a", "500", "5.0", "")
"""Words whose case is not simple are among them: a final sigma, a dotted I, the Kelvin sign."""

PATHS = ("status", "http.status", "http", "tags", "items.id", "odd key", "")

words = st.sampled_from(WORDS)
any_text = st.one_of(words, st.text(max_size=6))
moments = st.integers(START - MINUTE, START + 6 * MINUTE)
numbers = st.one_of(st.sampled_from((-1, 0, 5, 200, 404, 500, 0.5, 500.0, 1e21, -0.0)), st.integers())
json_scalars = st.one_of(st.none(), st.booleans(), numbers, any_text)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(("id", "status", "http", "")), inner, max_size=2)
    ),
    max_leaves=5,
)
keys = st.sampled_from(("status", "http", "http.status", "tags", "items", "odd key", ""))
metadata = st.one_of(
    st.dictionaries(keys, json_values, max_size=3),
    st.fixed_dictionaries({"status": json_scalars}, optional={"http": st.fixed_dictionaries({"status": numbers})}),
)


def messages() -> st.SearchStrategy[str]:
    return st.lists(any_text, max_size=4).map(" ".join)


def events() -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        timestamp=moments,
        level=st.sampled_from(LEVELS),
        type=words,
        message=messages(),
        service=words,
        environment=words,
        user_id=words,
        session_id=words,
        device_type=words,
        device_id=words,
        trace_id=words,
        span_id=words,
        metadata=metadata,
    )


def event_lists(smallest: int = 1, largest: int = 12) -> st.SearchStrategy[list[Event]]:
    return st.lists(events(), min_size=smallest, max_size=largest)


WORD_FIELDS = ("type", "service", "environment", "device_type", "user_id", "trace_id")


def expressions() -> st.SearchStrategy[Expression]:
    """Any expression that parsing can make, up to a modest size."""
    return st.recursive(_tests(), _combined, max_leaves=8)


def _combined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=4)
    return st.one_of(several.map(all_of), several.map(any_of), inner.map(negated))


def _tests() -> st.SearchStrategy[Expression]:
    some = any_text.filter(bool)
    path = st.sampled_from(PATHS) | st.sampled_from(PATHS[:2]) | st.text(max_size=4)
    paths = path.filter(bool).map(lambda path: f"metadata.{path}")
    fields = st.one_of(st.sampled_from(WORD_FIELDS), paths)
    levels = st.sampled_from(LEVELS)
    operators = st.sampled_from((">", ">=", "<", "<="))
    existing = st.one_of(st.sampled_from(("timestamp", "level", "message")), fields)
    return st.one_of(
        st.builds(Everything),
        st.builds(Contains, some),
        st.builds(Equals, fields, some),
        st.builds(Equals, st.just("level"), levels),
        st.builds(Equals, paths, st.sampled_from(("500", "5e2", "true", "NULL", "0", "id"))),
        st.builds(StartsWith, fields, some),
        st.builds(StartsWith, st.just("level"), st.sampled_from(("e", "WA", "debug"))),
        st.builds(Exists, existing),
        st.builds(Compare, st.just("level"), operators, levels),
        st.builds(Compare, st.just("timestamp"), operators, moments),
        st.builds(Compare, paths, operators, numbers),
        _ranges(st.just("level"), levels, LEVELS.index),
        _ranges(st.just("timestamp"), moments, int),
        _ranges(paths, numbers, float),
    )


def _ranges(fields: Any, ends: Any, weight: Any) -> st.SearchStrategy[Expression]:
    pairs = st.tuples(ends, ends).map(lambda pair: sorted(pair, key=weight))
    return st.builds(lambda field, pair: Between(field, *pair), fields, pairs)
