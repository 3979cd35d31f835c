"""Random input to whatever takes text or bytes apart: it has a meaning, or the one refusal that is declared for it.

Whole requests through the app, so that nothing behind a decoder or parser falls over what that let through. The
property tests of each part are with it: tests/decode, tests/query, tests/events, tests/engine, tests/oauth.
"""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.compression import zstd
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.language import parse
from chalicelib.identity import links
from chalicelib.identity.links import LIFETIMES, LinkRefused
from tests.api.client import Client, Response
from tests.attack.unlimited import lift_limits
from tests.permissions.cast import Tenant, holder, now, signed_in
from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "everything_is_served", "evil"]

on_one_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(autouse=True)
def _unlimited(everything_is_served: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever guesses is limited, which would hide what becomes of the guess."""
    lift_limits(monkeypatch)


def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The data cut, with a bit turned, with a piece twice or with noise in it."""
    at, to = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    match draw(st.sampled_from(["cut", "turned", "twice", "noise", "whole"])):
        case "cut":
            return data[:at] + data[to:]
        case "turned" if at < len(data):
            return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
        case "twice":
            return data[:to] + data[at:to] + data[to:]
        case "noise":
            return data[:at] + draw(st.binary(max_size=8)) + data[to:]
    return data


@st.composite
def damaged_text(draw: st.DrawFn, text: str) -> str:
    return damaged(draw, text.encode()).decode("utf-8", "replace")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["timestamp", "level", "type", "message", "metadata", "trace_id", "device_id", "_sent", "", "é"]
)
events = st.dictionaries(fields, json_values, max_size=5) | json_values
batches = st.lists(events, max_size=4).flatmap(lambda some: st.sampled_from([{"events": some}, some, *some[:1]]))
CODINGS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, zlib.compress, zstd.compress]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A batch in any layout and coding, whole or damaged, before it was compressed or after."""
    written = json.dumps(draw(batches), ensure_ascii=draw(st.booleans()), allow_nan=True)
    body = written.encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        body = b"\n".join([body] * draw(st.integers(1, 3)))
    if draw(st.booleans()):
        body = damaged(draw, body)
    return damaged(draw, draw(st.sampled_from(CODINGS))(body))


@pytest.mark.requirement("I3", "I9", "W2", "W3")
@given(bodies(), st.sampled_from(["", "application/json", "application/x-ndjson", "text/plain", "application/zstd"]))
@on_one_store
def test_a_body_is_stored_event_by_event_or_refused(acme: Tenant, body: bytes, media_type: str) -> None:
    answer = Client().post("/api/ingest", body, key=acme.ingest_key, headers={"Content-Type": media_type})
    assert answer.status in {202, 400, 413, 415}, answer.body
    if answer.status == 202:
        assert answer.json.keys() == {"accepted", "duplicates", "rejected"}
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"


WORDS = (
    "a", "service", ":", "=", "!=", ">", ">=", "<", "..", "*", "(", ")", '"', "\\", "-", "NOT", "AND", "OR", "[",
    "level:warn", "metadata.", "metadata.a.b", "ts", "1e309", "9" * 40, "'", "\u202e", "ﬀ", "\x00", "İ", " ", "\n", "~",
    "/", "exists", "trace:", "2026-01-01", "1h", "]", "{", "}", "#", "|", "%", "timestamp>=",
)  # fmt: skip
queries = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=25).map("".join)


@pytest.mark.requirement("V4.3.1", "I9")
@given(queries)
def test_a_query_has_a_meaning_that_can_be_said_or_a_complaint_about_a_part_of_it(text: str) -> None:
    meaning = meant(text)
    if isinstance(meaning, QueryError):
        assert 0 <= meaning.position <= meaning.position + meaning.length <= len(text) + 1
    else:
        assert parse(describe(meaning)) == meaning


def meant(text: str) -> Expression | QueryError:
    try:
        return parse(text)
    except QueryError as complaint:
        return complaint


READS = ("", "/timeline", "/facets", "/aggregate", "/tail", "/export")
times = st.lists(
    st.sampled_from(["now", "yesterday", "last", "monday", "3", "hours", "ago", "1h", "-", "T", "2026-02-30", "12:60",
                     "z", "9" * 20, " ", "since", "today", "week", "+14:00", "٣", "noon"]) | st.text(max_size=3),
    max_size=5,
).map(" ".join)  # fmt: skip
asked = st.fixed_dictionaries(
    {},
    optional={
        "q": queries, "since": times, "from": times, "to": times,
        "limit": st.integers().map(str) | st.text(max_size=3), "order": st.sampled_from(["asc", "desc", "x"]),
        "cursor": st.text(max_size=20), "metric": queries,
        "by": queries, "field": queries, "fields": queries, "every": times, "format": st.text(max_size=4),
        "level": st.text(max_size=5), "x": st.text(max_size=3),
    },
)  # fmt: skip


@pytest.mark.requirement("V4.3.1", "I9", "W6")
@given(st.sampled_from(READS), asked)
@on_one_store
def test_a_question_is_answered_or_refused(acme: Tenant, read: str, asked: dict[str, str]) -> None:
    text = urlencode({name: value.encode("utf-8", "surrogatepass") for name, value in asked.items()})
    answer = Client().get(f"{acme.logs}{read}?{text}", key=acme.query_key)
    assert answer.status in {200, 400}, answer.body
    if answer.status == 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.requirement("S29", "I4", "S6")
@given(st.data())
@on_one_store
def test_a_cursor_leads_on_where_it_is_from_and_nowhere_else(acme: Tenant, evil: Tenant, data: st.DataObject) -> None:
    own, foreign = (first_cursor(tenant) for tenant in (evil, acme))
    text = data.draw(st.one_of(damaged_text(foreign), damaged_text(own), forged(own, foreign), st.text(max_size=40)))
    answer = Client().get(f"{evil.logs}?limit=1&cursor={quoted(text)}", key=evil.query_key)
    assert acme.canary.encode() not in answer.body
    assert answer.status == (200 if text in ("", own) else 400)


@pytest.mark.requirement("S29", "I4")
@given(st.data())
@on_one_store
def test_an_id_of_an_event_names_it_to_its_own_project_and_nothing_to_others(
    acme: Tenant, evil: Tenant, data: st.DataObject
) -> None:
    own, foreign = evil.parameters["/logs/{id}"], acme.parameters["/logs/{id}"]
    named = st.one_of(damaged_text(foreign), damaged_text(own), forged(own, foreign), st.text())
    text = data.draw(named.filter(bool))  # without an id it is the list that is asked for
    for more in ("", "/context"):
        answer = Client().get(f"{evil.logs}/{quoted(text)}{more}", key=evil.query_key)
        assert acme.canary.encode() not in answer.body
        assert answer.status == 200 if text == own else answer.status in {400, 404}, answer.body


@st.composite
def forged(draw: st.DrawFn, first: str, second: str) -> str:
    """The beginning of one and the end of the other."""
    return first[: draw(st.integers(0, len(first)))] + second[draw(st.integers(0, len(second))) :]


def first_cursor(tenant: Tenant) -> str:
    """Where a search of two events goes on after the first."""
    sent = Client().post("/api/ingest", {"events": [{"message": f"{tenant.canary} next"}]}, key=tenant.ingest_key)
    assert sent.status == 202
    cursor: str = Client().get(f"{tenant.logs}?limit=1", key=tenant.query_key).json["next_cursor"]
    return cursor


def quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")


values = st.text(max_size=12) | st.sampled_from(
    ["authorization_code", "refresh_token", "password", "scry", "http://127.0.0.1/callback", "https://evil.example/",
     "javascript:alert(1)", "//evil.example", "events:read", "S256", "plain", "code", "token", "x" * 3_000,
     "scry_rt_" + "A" * 60, "scry_ac_" + "A" * 60]
)  # fmt: skip
NAMES = (
    "grant_type", "client_id", "code", "redirect_uri", "code_verifier", "refresh_token", "resource", "scope", "token",
    "response_type", "code_challenge", "code_challenge_method", "state", "client_secret", "client_assertion",
    "client_assertion_type", "request", "request_uri", "prompt", "nonce",
)  # fmt: skip
parameters = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=10).map(
    lambda pairs: urlencode([(name, value.encode("utf-8", "surrogatepass")) for name, value in pairs])
)


@pytest.mark.requirement("S1", "W6", "I10")
@given(
    st.sampled_from(["/oauth/token", "/oauth/revoke"]), parameters, st.sampled_from(["", "Basic x", "Bearer y", "é"])
)
@on_one_store
def test_no_form_gets_a_token(acme: Tenant, where: str, form: str, authorization: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if authorization:
        headers["Authorization"] = authorization
    answer = Client().post(where, form.encode(), headers=headers)
    assert answer.status in {400, 401}, answer.body
    assert answer.json.keys() == {"error", "error_description"}
    assert b"access_token" not in answer.body


@pytest.mark.requirement("W6", "V2.2.1")
@given(st.dictionaries(st.sampled_from(
    ["redirect_uris", "client_name", "token_endpoint_auth_method", "jwks_uri", "jwks", "grant_types", "scope", "é"]
), json_values, max_size=6) | json_values)  # fmt: skip
@on_one_store
def test_a_client_is_registered_or_told_why_not(acme: Tenant, told: Any) -> None:
    content = json.dumps(told).encode()
    answer = Client().post("/oauth/register", content, headers={"Content-Type": "application/json"})
    assert answer.status in {201, 400}, answer.body
    if answer.status == 400:
        assert answer.json.keys() == {"error", "error_description"}


@pytest.mark.requirement("S1", "S3", "V3.7.2")
@given(parameters)
@on_one_store
def test_nobody_is_sent_to_an_address_that_no_client_registered(acme: Tenant, asked: str) -> None:
    answer = signed_in("owner", acme.owner).send("GET", f"/oauth/authorize?{asked}")
    assert answer.status < 500
    assert is_here(answer), answer.headers["Location"]


def is_here(answer: Response) -> bool:
    return "Location" not in answer.headers or not urlsplit(str(answer.headers["Location"])).netloc


@pytest.mark.requirement("I7", "V6.4.1")
@given(st.sampled_from(sorted(LIFETIMES)), st.sampled_from(sorted(LIFETIMES)), st.data())
@on_one_store
def test_a_link_is_whole_or_none(moto_store: None, made_for: Any, used_for: Any, data: st.DataObject) -> None:
    whole = links.signed(made_for, {"user": "00"}, now=now())
    text = data.draw(damaged_text(whole) | unsigned(whole))
    try:
        link = links.opened(text, used_for, now=now())
    except LinkRefused:
        return
    assert (made_for, link.claims) == (used_for, {"user": "00"})
    assert text.split(".")[:2] == whole.split(".")[:2]


@st.composite
def unsigned(draw: st.DrawFn, whole: str) -> str:
    """The same claims under another header, or none."""
    _, claims, signature = whole.split(".")
    algorithm = draw(st.sampled_from(["none", "None", "HS256", "HS512", "RS256", "", None, 1]))
    header = {"alg": algorithm, "typ": "JWT", "kid": draw(st.text(max_size=5)), "b64": draw(st.booleans())}
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{encoded}.{claims}.{draw(st.sampled_from(['', signature, 'AAAA']))}"


@pytest.mark.requirement("I9", "W6")
@pytest.mark.parametrize("depth", [10, 400, 900, 990, 1_000, 20_000])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_no_depth_of_json_is_a_fault(acme: Tenant, depth: int, brackets: tuple[str, str]) -> None:
    """Every parser and every walk over what it gave has a limit of its own; the smallest must be ours."""
    opening, closing = brackets
    deep = (opening * depth + "1" + closing * depth).encode()
    owner, member = signed_in("owner", acme.owner), holder("connection", acme.connection.access_token)
    for where, name, who in (
        ("/api/auth/name", "name", owner), ("/api/orgs", "slug", owner), ("/api/auth/login", "email", owner),
        (f"/mcp/{acme.slug}/{acme.project_slug}", "params", member), ("/reports", "csp-report", owner),
        ("/oauth/register", "jwks", owner), ("/api/deploys", "note", holder("key", acme.ingest_key)),
    ):  # fmt: skip
        body = b'{"%s":%s}' % (name.encode(), deep)
        headers = {**who.headers, **who._proof("POST"), "Content-Type": "application/json"}
        answer = Client().post(where, body, headers=headers)
        assert 400 <= answer.status < 500, (where, answer.status, answer.body)
