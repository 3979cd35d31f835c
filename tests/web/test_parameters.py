"""Query parameters: what is refused says what would be accepted."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct, field

from chalicelib.web.paging import next_link
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request


class Asked(Struct, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    order: Literal["desc", "asc"] = "desc"
    service: Annotated[str, Meta(max_length=5)] = ""
    start: str = field(name="from", default="")


def request(repeated: str = "", **query: str) -> Request:
    return Request(
        method="GET", path="/a b/logs", parameters={}, query=query, headers={}, repeated=frozenset(repeated.split()),
        repeated_headers=frozenset(), body=b"", source="", id="", now_ms=0, deadline=0.0,
    )  # fmt: skip


def test_parameters_are_read_by_their_types() -> None:
    assert parameters(request(limit="20", order="asc", **{"from": "x"}), Asked) == Asked(
        limit=20, order="asc", start="x"
    )


def test_an_empty_parameter_is_absent() -> None:
    assert parameters(request(limit="", order=""), Asked) == Asked()


@pytest.mark.requirement("V2.2.1")
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"limit": "0"}, "`limit` must be a whole number from 1 to 100, not `0`."),
        ({"limit": "101"}, "`limit` must be a whole number from 1 to 100, not `101`."),
        ({"limit": "ten"}, "`limit` must be a whole number from 1 to 100, not `ten`."),
        ({"limit": "1.5"}, "`limit` must be a whole number from 1 to 100, not `1.5`."),
        ({"order": "up"}, "`order` must be one of asc, desc, not `up`."),
        ({"service": "longer"}, "`service` must be at most 5 characters, not `longer`."),
        ({"limt": "1"}, "There is no parameter `limt`. Did you mean `limit`? There are: limit, order, service, from."),
        ({"xyz": "1"}, "There is no parameter `xyz`. There are: limit, order, service, from."),
    ],
)
def test_what_is_refused_says_what_would_be_accepted(query: dict[str, str], text: str) -> None:
    with pytest.raises(ParameterWrong) as refused:
        parameters(request(**query), Asked)
    assert str(refused.value) == text
    assert refused.value.parameter in query


@pytest.mark.requirement("V15.3.7")
def test_a_parameter_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ParameterWrong, match="more than once"):
        parameters(request(repeated="limit", limit="1"), Asked)


def test_the_link_to_the_next_page_asks_the_same_further_on() -> None:
    assert next_link(request(service="a&b", cursor="old"), "new+") == {
        "Link": '</a%20b/logs?service=a%26b&cursor=new%2B>; rel="next"'
    }
    assert next_link(request(), None) == {}
