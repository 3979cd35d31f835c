"""What a text means, and what is said of a text that means nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.language import MAX_LENGTH, MAX_NESTING, MAX_TERMS, parse
from tests.query.complaints import complaint_of
from tests.query.strategies import expressions

UNDERSTOOD = [
    ("", "*"),
    ("   ", "*"),
    ("*", "*"),
    ("timeout", "timeout"),
    ("time*", "time"),
    ("connection timeout", "connection timeout"),
    ("connection AND timeout", "connection timeout"),
    ('"connection timeout"', '"connection timeout"'),
    (r'"say \"no\" to C:\new \\ old"', r'"say \"no\" to C:\\new \\ old"'),
    ("and or not", "and or not"),
    ('"AND"', '"AND"'),
    ("-a", "-a"),
    ("NOT a", "-a"),
    ('"-a" service:-a', '"-a" service:"-a"'),
    ("NOT -a", "a"),
    ("NOT NOT NOT a", "-a"),
    ("-(a OR b)", "-(a OR b)"),
    ("a b OR c AND d", "a b OR c d"),
    ("a (b OR c) d", "a (b OR c) d"),
    ("((a)) ((b c) d)", "a b c d"),
    ("a(b)c", "a b c"),
    ("Größe ΟΔΟΣ", "Größe ΟΔΟΣ"),
    ("/api/orders?id=7 12:30:45 <init>", '"/api/orders?id=7" "12:30:45" "<init>"'),
    ("message:slow MSG:fast", "slow fast"),
    ("message:*", "message:*"),
    ("env:prod user:u-7 trace:t ts<=0", "environment:prod user_id:u-7 trace_id:t timestamp<=1970-01-01T00:00:00.000Z"),
    ("Service:api", "service:api"),
    ("service=api", "service:api"),
    ("service!=api", "-service:api"),
    ('service:"check out"', 'service:"check out"'),
    ('service:"check o"*', 'service:"check o"*'),
    ('service:"*"', 'service:"*"'),
    ("service:check*", "service:check*"),
    ("service:*", "service:*"),
    ('service:(a OR b* OR "c d")', 'service:a OR service:b* OR service:"c d"'),
    ("service!=(a OR b)", "-(service:a OR service:b)"),
    ("service:../etc", 'service:"../etc"'),
    ("level:WARNING level:err level:critical", "level:warn level:error level:fatal"),
    ("level>=warn level<FATAL", "level>=warn level<fatal"),
    ("level:>=warn", "level>=warn"),
    ("level:warn..fatal level:error..", "level:warn..fatal level>=error"),
    ("level:e*", "level:e*"),
    ("metadata.a.b:x meta.c:y", "metadata.a.b:x metadata.c:y"),
    ('metadata."odd key"."x:y".z:1', 'metadata."odd key.x:y.z":1'),
    ("metadata.ms>500 metadata.ms:>=1e3 metadata.ms<-1.5", "metadata.ms>500 metadata.ms>=1000.0 metadata.ms<-1.5"),
    ("metadata.status:500..599 metadata.status:..99", "metadata.status:500..599 metadata.status<=99"),
    ("metadata.path:../etc metadata.path:a..b", 'metadata.path:"../etc" metadata.path:"a..b"'),
    ("timestamp>=2026-01-02T03:04:05Z", "timestamp>=2026-01-02T03:04:05.000Z"),
    ("timestamp>2026-01-02", "timestamp>2026-01-02T23:59:59.999Z"),
    ("timestamp<1767323045123", "timestamp<2026-01-02T03:04:05.123Z"),
    ("timestamp:2026-01-02", "timestamp:2026-01-02T00:00:00.000Z..2026-01-02T23:59:59.999Z"),
    ('ts:"2026-01-02 03:04+01:00"', "timestamp:2026-01-02T02:04:00.000Z..2026-01-02T02:04:00.000Z"),
]

REFUSED = [
    # query, the part pointed at, how the message begins, suggestion
    ("a sevice:b", "sevice", "no field `sevice`; did you mean `service`?", "service"),
    ("order_id:5", "order_id", "no field `order_id`; did you mean `metadata.order_id`?", "metadata.order_id"),
    ("user.name=x", "user.name", "no field `user.name`; did you mean `metadata.user.name`?", "metadata.user.name"),
    ("see http://a.b/c", "http://a.b/c", "no field `http`; to look for the text itself", '"http://a.b/c"'),
    ("id:abc", "id", "`id` is not searched for", None),
    ("metadata:x", "metadata", "name a key of the metadata", None),
    ("level:wran", "wran", "no level `wran`; did you mean `warn`? the levels are debug, info, warn", "warn"),
    ("level:(error OR wran)", "wran", "no level `wran`", "warn"),
    ("level:wran..fatal", "wran..fatal", "no level `wran`", "warn..fatal"),
    ("level:x*", "x*", "no level `x`; the levels are", None),
    ("level:fatal..warn", "fatal..warn", "the range ends before it starts", None),
    ("level:..", "..", "a range needs at least one end", None),
    ("service:", "service:", "a value must follow `service:` directly", None),
    ("service: api", "service: api", "a value must follow `service:` directly", "service:api"),
    ("service:)", "service:", "a value must follow", None),
    ('service:""', '""', "there is nothing to look for; to find events without `service` write `-service:*`", None),
    ("service:a*b", "a*b", "`*` stands only at the end of a value", '"a*b"'),
    ("a*b", "a*b", "`*` stands only at the end of a word", '"a*b"'),
    ("service>a", "a", "`>` compares times, levels and numbers in metadata", None),
    ("level>=warn*", "warn*", "`>=` needs a whole value", None),
    ("level:(error fatal)", "fatal", "write `OR` between the values", "OR fatal"),
    ("level:(error AND fatal)", "AND", "write `OR` between the values", None),
    ("level:(error OR )", "OR", "`OR` needs a term on its right", '"OR"'),
    ("level:(error", "(", "this `(` is never closed", None),
    ("level:()", "level:(", "a value must follow", None),
    ("metadata.ms>fast", "fast", "`fast` is no number", None),
    ("metadata.ms>nan", "nan", "`nan` is no number", None),
    ("metadata.ms>1e999", "1e999", "`1e999` is no number", None),
    ("metadata.ms:9..1", "9..1", "the range ends before it starts", None),
    ('metadata."a b"', 'metadata."a b"', "a condition is missing after `metadata.a b`", None),
    ("timestamp>yesterday", "yesterday", "`yesterday` is no time: write `2026-", None),
    ("timestamp>2026-02-30", "2026-02-30", "`2026-02-30` is no time", None),
    ("timestamp:2026*", "2026*", "a time has no prefix", None),
    ("ts>1767323045", "1767323045", "`1767323045` looks like seconds", "1767323045000"),
    ('a "b', '"', "this quote is never closed", None),
    ('""', '""', "there is nothing in these quotes", None),
    ("a (b", "(", "this `(` is never closed", None),
    ("a (", "(", "this `(` is never closed", None),
    ("a) b", ")", "this `)` closes nothing", None),
    (") b", ")", "this `)` closes nothing", None),
    ("call()", "()", "there is nothing in these parentheses", '"()"'),
    ("a OR", "OR", "`OR` needs a term on its right", '"OR"'),
    ("OR a", "OR", "`OR` needs a term on its left", '"OR"'),
    ("a AND AND b", "AND", "`AND` needs a term on its left", '"AND"'),
    ("(NOT )", "NOT", "`NOT` needs a term on its right", '"NOT"'),
    ("--verbose", "--verbose", "`-` must stand directly before", '"--verbose"'),
    ("a - b", "-", "`-` must stand directly before", '"-"'),
]


@pytest.mark.parametrize(("text", "canonical"), UNDERSTOOD)
def test_a_query_is_understood_as_its_canonical_text_says(text: str, canonical: str) -> None:
    assert describe(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(("text", "part", "message", "suggestion"), REFUSED)
def test_what_is_not_understood_is_pointed_at(text: str, part: str, message: str, suggestion: str | None) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)
    error = refused.value
    assert error.message.startswith(message)
    assert text[error.position : error.position + error.length] == part
    assert error.suggestion == suggestion


@pytest.mark.parametrize("text", [case[0] for case in REFUSED if case[3] is not None])
def test_a_suggestion_in_the_place_of_the_part_removes_the_complaint(text: str) -> None:
    error = complaint_of(parse, text)
    assert error is not None
    assert error.suggestion is not None
    better = text[: error.position] + error.suggestion + text[error.position + error.length :]
    again = complaint_of(parse, better)
    assert again is None or again.message != error.message


@given(expressions())
def test_the_canonical_text_of_any_expression_parses_to_it_again(expression: Expression) -> None:
    assert parse(describe(expression)) == expression


PIECES = (
    *'()"*-:=<>!.\\ \n\t',
    "AND",
    "OR",
    "NOT",
    "level",
    "service",
    "metadata.",
    "timestamp",
    ">=",
    "..",
    "warn",
    "500",
    "2026-01-02",
    "a",
    "é",
    "\u00a0",
    "\ud800",
    "\x00",
)


@pytest.mark.requirement("I9")
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
def test_any_text_gives_an_expression_or_a_complaint_about_a_part_of_it(text: str) -> None:
    error = complaint_of(parse, text)
    if error is None:
        assert parse(describe(parse(text))) == parse(text)
    else:
        assert error.message
        assert 0 <= error.position < len(text)
        assert 1 <= error.length <= len(text) - error.position


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * (MAX_LENGTH + 1), "the query has 4,001 characters"),
        ("a " * (MAX_TERMS + 1), "the query has more than 200 terms"),
        ("service:(a" + " OR a" * MAX_TERMS + ")", "the query has more than 200 terms"),
        ("(" * (MAX_NESTING + 1) + "a" + ")" * (MAX_NESTING + 1), "parentheses are nested more than 50 deep"),
        ("-(" * (MAX_NESTING + 1) + "a" + ")" * (MAX_NESTING + 1), "parentheses are nested more than 50 deep"),
    ],
)
def test_a_query_past_a_limit_is_refused(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse(text)


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(
    "text",
    [
        "a" * MAX_LENGTH,
        "a " * MAX_TERMS,
        "(" * MAX_NESTING + "a" + ")" * MAX_NESTING,
        "(a) " * MAX_TERMS,
        "NOT " * 999 + "a",
        " " * MAX_LENGTH,
        "metadata." + "a." * 1_900 + "b:1",
        '"' + "\\\\" * 1_900 + '"',
    ],
)
def test_a_query_at_a_limit_is_understood(text: str) -> None:
    parse(text)


def test_a_complaint_about_a_long_word_stays_short() -> None:
    with pytest.raises(QueryError) as refused:
        parse("x" * 3_000 + ":1")
    assert len(refused.value.message) < 4_000
