"""What somebody sends stays a value: in the store, in headers, in JSON, in patterns and formats, and is no program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.storage import dynamodb
from chalicelib.web.headers import finished
from chalicelib.web.responses import is_local
from infra.rules import findings
from tests.api.client import Client
from tests.permissions.cast import NOBODY, Tenant, forget_limits, holder, signed_in, undone
from tests.permissions.examples import body, reads_json
from tests.permissions.routes import ROUTES, path

ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "app.py", *sorted(p for p in (ROOT / "chalicelib").rglob("*") if p.suffix in (".py", ".html"))]

HOSTILE = "m4rk' OR :p = #p -- \"}),{{7*7}}${7*7}%s{0}\u2028</script>"
"""What ends, in one language or another, the place where a value stands."""


@pytest.mark.requirement("V1.1.2", "V1.2.3", "V1.2.5", "V1.2.9", "V1.3.2", "V1.3.7", "V1.5.2")
def test_nothing_that_ships_makes_a_program_a_pattern_or_markup_of_text() -> None:
    """`tests/rules/test_house_rules.py` proves that each rule finds what it is for."""
    found = [
        str(finding)
        for file in SHIPPED
        for finding in findings(file.relative_to(ROOT).as_posix(), file.read_text())
        if finding.rule in ("code", "pattern", "raw", "markup")
    ]
    assert found == []


# --- the store --------------------------------------------------------------------------------------------------------

EXPRESSION = re.compile(r"[\w#:(), =<>+-]+")
"""Names, placeholders and operators: no text, no number longer than a counter's step."""


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What goes to the store from here on."""
    seen: list[dict[str, Any]] = []
    answer = dynamodb._answer

    def watched(operation: str, request: dict[str, Any], deadline: float | None) -> Any:
        seen.append(request)
        return answer(operation, request, deadline)

    monkeypatch.setattr(dynamodb, "_answer", watched)
    return seen


def commands(request: Any) -> Iterator[tuple[str, str]]:
    """Whatever of a request the store reads as more than a value: expressions, and names of tables and attributes."""
    if isinstance(request, list):
        for each in request:
            yield from commands(each)
    elif isinstance(request, dict):
        for name, value in request.items():
            if name in ("Item", "Key", "ExclusiveStartKey", "ExpressionAttributeValues", "ClientRequestToken"):
                continue
            if name == "ExpressionAttributeNames":
                yield from ((name, each) for pair in value.items() for each in pair)
            elif isinstance(value, str):
                yield name, value
            else:
                yield "RequestItems", name
                yield from commands(value)


@pytest.mark.requirement("V1.2.4")
@pytest.mark.parametrize("who", ["owner", "ingest"])
def test_nothing_that_is_sent_becomes_a_part_of_what_the_store_is_told_to_do(
    who: str, acme: Tenant, requests: list[dict[str, Any]]
) -> None:
    """Every field of every route, in its own form and as text that would end a quoted value."""
    asking = {
        "owner": signed_in("owner", acme.owner),
        "ingest": holder("ingest", acme.ingest_key),
    }[who]
    requests.clear()
    for route in ROUTES:
        names = list(route.query.__struct_encode_fields__) if route.query else ["q"]
        where = path(route, acme) + "?" + "&".join(f"{name}={quote(HOSTILE)}" for name in names)
        own = body(route)
        for fields in (
            own,
            {name: HOSTILE if isinstance(value, str) else value for name, value in (own or {}).items()},
        ):
            forget_limits()
            with undone(route.method):
                if route.kind == "form":
                    asking.post_form(path(route, acme), {name: str(value) for name, value in (fields or {}).items()})
                else:
                    asking.send(route.method, where, fields if reads_json(route) else None)
    told = [command for request in requests for command in commands(request)]
    assert len(told) > 500
    for name, text in told:
        assert "m4rk" not in text, (name, text)
        if name.endswith("Expression"):
            assert EXPRESSION.fullmatch(text), text
        elif name == "ExpressionAttributeNames":
            assert re.fullmatch(r"#?\w+", text), text


@pytest.mark.requirement("V1.2.4", "V1.2.3", "V1.1.1")
def test_what_would_end_a_value_is_stored_found_and_told_as_it_was(acme: Tenant) -> None:
    event = {"message": HOSTILE, "service": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    assert Client().post("/api/ingest", {"events": [event]}, key=acme.ingest_key).status == 202
    phrase = quote('"OR :p"')
    answer = holder("query", acme.query_key).send("GET", f"{acme.logs}?q={phrase}")
    [row] = answer.json["data"]
    assert (row["message"], row["service"], row["metadata"]) == (HOSTILE, HOSTILE, {HOSTILE: HOSTILE})


# --- what is decoded, once --------------------------------------------------------------------------------------------


@pytest.mark.requirement("V1.1.1")
@pytest.mark.parametrize("name", ["50%25", "a%2541", "&lt;b&gt;", "\\u0041", "=?utf-8?q?a?=", "a+b"])
def test_a_value_is_decoded_once_by_whoever_reads_its_form(name: str, acme: Tenant) -> None:
    """A second decoding would come after the checks, and would make of `%252F` what `%2F` was refused for."""
    owner = signed_in("owner", acme.owner)
    assert owner.send("PATCH", "/api/orgs/acme", {"name": name}).json["name"] == name
    owner.send("PATCH", "/api/orgs/acme", {"name": "Acme"})
    assert owner.post_form("/orgs/acme/settings/name", {"name": name, "slug": "acme"}).status == 303
    assert owner.send("GET", "/api/orgs/acme").json["name"] == name


@pytest.mark.requirement("V1.1.1")
def test_a_slash_that_is_encoded_twice_is_no_slash(acme: Tenant) -> None:
    query = holder("query", acme.query_key)
    for event in ("a%252Fb", "..%252F..%252Fkeys"):
        assert query.send("GET", f"{acme.logs}/{event}").status == 404


# --- headers, addresses, JSON -----------------------------------------------------------------------------------------


@pytest.mark.requirement("V1.2.1")
@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\x0bb"])
def test_a_header_cannot_end_and_begin_another(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        finished({"X-Name": value}, request_id="r")
    with pytest.raises(ValueError, match="control character"):
        finished({}, [f"a={value}"], request_id="r")
    with pytest.raises(ValueError, match="control character"):
        finished({value: "a"}, request_id="r")


@pytest.mark.requirement("V1.2.1", "V1.2.2")
def test_no_header_of_any_answer_holds_what_was_sent_but_encoded(acme: Tenant) -> None:
    """Links and redirects repeat what was asked: percent-encoded, and never a header of their own."""
    owner = signed_in("owner", acme.owner)
    for route in ROUTES:
        if route.method != "GET":
            continue
        names = list(route.query.__struct_encode_fields__) if route.query else ["q"]
        for who in (owner, NOBODY):
            forget_limits()
            answer = who.send("GET", path(route, acme) + "?" + "&".join(f"{each}={quote(HOSTILE)}" for each in names))
            for name, value in answer.headers.items():
                assert not re.search(r"m4rk' |\"\}|</|\u2028", str(value)), (route.path, name, value)
            assert is_local(answer.headers.get("Location", "/"))


# --- formats ----------------------------------------------------------------------------------------------------------

FORMATS = {"REF", "STATIC", "JOB", "resource"}
"""What is filled in by `format`: constants, and the path of a route as it is declared."""


@pytest.mark.requirement("V1.3.10")
def test_every_format_is_written_out() -> None:
    for file in SHIPPED:
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="format" | "format_map")):
                    assert name in FORMATS, file
                case ast.BinOp(left=left, op=ast.Mod()) if not isinstance(left, ast.Constant):
                    assert not _is_text(node.right), f"{file}:{node.lineno}"


def _is_text(node: ast.AST) -> bool:
    """What the right side of a `%` that fills in a format looks like, unlike that of a division's rest."""
    return isinstance(node, ast.Tuple | ast.Dict | ast.JoinedStr)


@pytest.mark.requirement("V1.3.10", "V1.3.7")
def test_what_looks_like_a_format_or_a_template_is_shown_as_it_is(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    name = "{{7*7}} {0.__class__} %(x)s ${7*7} #{7*7}"
    assert owner.send("PATCH", "/api/orgs/acme", {"name": name}).status == 200
    page = owner.send("GET", "/orgs/acme/settings").body.decode()
    assert name in page
    assert "49" not in re.sub(r'value="[^"]*"|/static/\w+', "", page)


# --- patterns ---------------------------------------------------------------------------------------------------------

SEPARATED = {"chalicelib.oauth.redirects._REVERSE_DOMAIN"}
"""A repeat in a repeat, where each turn begins with a dot, which the inner one never takes."""


@pytest.mark.requirement("I9", "V1.2.9")
def test_no_pattern_repeats_a_repeat() -> None:
    """`(a+)+` takes exponentially long to fail. Possessive repeats (`a++`) give nothing back and cannot."""
    nested = {f"{name}" for name, pattern in patterns() if _repeats_a_repeat(_parsed(pattern))}
    assert nested == SEPARATED


def patterns() -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    """Every pattern that a module of what ships holds."""
    import importlib
    import pkgutil

    import chalicelib

    for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        for name, value in vars(importlib.import_module(found.name)).items():
            for each in value.values() if isinstance(value, dict) else (value,):
                if isinstance(each, re.Pattern):
                    yield f"{found.name}.{name}", each


def _parsed(pattern: "re.Pattern[Any]") -> Any:
    return re._parser.parse(pattern.pattern, pattern.flags)  # type: ignore[attr-defined]


def _repeats_a_repeat(parsed: Any, *, inside: bool = False) -> bool:
    for operation, value in parsed:
        match str(operation):
            case "MAX_REPEAT" | "MIN_REPEAT":
                endless = value[1] > 1000
                if (inside and endless) or _repeats_a_repeat(value[2], inside=inside or endless):
                    return True
            case "SUBPATTERN":
                if _repeats_a_repeat(value[3], inside=inside):
                    return True
            case "BRANCH":
                if any(_repeats_a_repeat(each, inside=inside) for each in value[1]):
                    return True
            case "ASSERT" | "ASSERT_NOT":
                if _repeats_a_repeat(value[1], inside=inside):
                    return True
    return False


@pytest.mark.parametrize(
    ("written", "nested"),
    [(r"(a+)+", True), (r"(?:a|b*c)*", True), (r"(?=(a*)*)b", True), (r"(a{1,9})+", False), (r"(a*+)*+", False)],
)
def test_a_repeat_in_a_repeat_is_found(written: str, nested: bool) -> None:
    assert _repeats_a_repeat(_parsed(re.compile(written))) is nested
