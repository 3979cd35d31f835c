"""Bodies of account requests: what is refused, and what is said about it."""

import json
from contextlib import suppress
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from chalicelib.web.bodies import FORM, JSON, LARGEST, MOST_FIELDS, Secret, form_body, json_body
from chalicelib.web.problems import BodyTooLong, BodyWrong, FieldWrong, FormWrong, MediaWrong
from tests.web.requests import request


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=10)]
    password: Secret
    role: Literal["admin", "member"] = "member"
    days: Annotated[int, Meta(ge=1, le=30)] = 1
    labels: tuple[str, ...] = ()


def from_json(body: Any, **headers: str) -> Person:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return json_body(request(body=content, **({"content_type": JSON} | headers)), Person)


def from_form(body: str, **headers: str) -> Person:
    return form_body(request(body=body.encode(), **({"content_type": FORM} | headers)), Person)


ALICE = Person("Alice", "p\tw\n", days=3)


def test_the_same_is_read_from_json_and_from_a_form() -> None:
    assert from_json({"name": "Alice", "password": "p\tw\n", "days": 3}) == ALICE
    assert from_form("name=Alice&password=p%09w%0A&days=3&role=&csrf_token=x") == ALICE


@pytest.mark.parametrize("kind", ["", "text/plain", FORM, "application/jsonp", "multipart/form-data"])
def test_json_says_that_it_is_json(kind: str) -> None:
    with pytest.raises(MediaWrong, match="application/json"):
        from_json({}, content_type=kind)


@pytest.mark.requirement("V2.2.1", "V1.5.2", "V15.3.7")
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"name": NaN}', b"[" * 50_000, b"1" * 5_000,
        b'{"name":"a","name":"b","password":"x"}', b'{"labels":[{"a":1,"a":2}]}',
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(body: bytes) -> None:
    with pytest.raises(BodyWrong):
        from_json(body)


@pytest.mark.requirement("V2.2.1")
@pytest.mark.parametrize("body", ["name=a&name=b", "name=%FF", "name", "&".join(f"f{i}=1" for i in range(101)), "x=1"])
def test_what_no_form_of_ours_sends_is_refused(body: str) -> None:
    with pytest.raises(BodyWrong):
        from_form(body)


@pytest.mark.requirement("V5.2.1")
def test_sizes_have_a_limit() -> None:
    assert MOST_FIELDS == 100
    for read, body in ((from_json, b" " * (LARGEST + 1)), (from_form, "a" * (LARGEST + 1))):
        with pytest.raises(BodyTooLong):
            read(body)


@pytest.mark.requirement("V2.2.1", "V1.3.3", "V15.3.5")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"password": "x"}, "`name` is missing."),
        ({"name": "Alice", "password": "x", "is_admin": True}, "There is no field `is_admin`. There are: name, "),
        ({"name": "Alice", "password": "x", "rol": "admin"}, "There is no field `rol`. Did you mean `role`?"),
        ({"name": "x" * 11, "password": "x"}, "`name` must have at most 10 characters."),
        ({"name": 1, "password": "x"}, "`name` must be text."),
        ({"name": "Alice", "password": "x", "role": "owner"}, "`role` must be one of admin, member."),
        ({"name": "Alice", "password": "x", "days": 31}, "`days` must be a whole number from 1 to 30."),
        ({"name": "Alice", "password": "x", "days": "3"}, "`days` must be a whole number from 1 to 30."),
        ({"name": "a\r\nb", "password": "x"}, "`name` must be one line, without control characters."),
        ({"name": "a", "password": "x", "labels": ["b\u202ec"]}, "`labels` must be one line, without control"),
        ({"name": "\ud800", "password": "x"}, "`name` has half of a character in it."),
        ({"name": "a", "password": "\ud800"}, "`password` has half of a character in it."),
    ],
)
def test_a_refusal_names_the_field_and_what_would_be_accepted(body: dict[str, Any], text: str) -> None:
    with pytest.raises(FieldWrong) as refused:
        from_json(body)
    assert str(refused.value).startswith(text)


def test_a_form_tells_everything_that_is_wrong_at_once_and_shows_no_password_again() -> None:
    with pytest.raises(FormWrong) as refused:
        from_form("name=a%0Db&password=secret&role=owner&days=99")
    assert refused.value.errors == {
        "name": "This must be one line, without control characters.",
        "role": "This must be one of admin, member.",
        "days": "This must be a whole number from 1 to 30.",
    }
    assert refused.value.given == {"name": "a\rb", "role": "owner", "days": "99"}


def test_an_empty_field_is_a_missing_one() -> None:
    with pytest.raises(FormWrong) as refused:
        from_form("name=&password=x")
    assert refused.value.errors == {"name": "This is missing."}


@pytest.mark.requirement("I10")
@given(st.text(max_size=20))
def test_no_refusal_repeats_a_password(password: str) -> None:
    secret = f"s3cret{password}"
    for wrong in (secret.ljust(1025), [secret], {secret: secret}):
        with pytest.raises(FieldWrong) as refused:
            from_json({"name": "Alice", "password": wrong})
        assert "s3cret" not in str(refused.value)


@pytest.mark.requirement("I9", "V2.2.1", "V1.5.2")
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (lambda: from_json(body), lambda: form_body(request(body=body, content_type=FORM), Person)):
        with suppress(BodyWrong, FieldWrong, FormWrong):
            assert isinstance(read(), Person)
