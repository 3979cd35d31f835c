"""The description of the API is made from the routes, and committed."""

import json

import pytest
from openapi_spec_validator import validate

from app import app
from chalicelib.identity.permissions import Permission
from chalicelib.web.openapi import document
from chalicelib.web.problems import PROBLEMS
from chalicelib.web.routing import declarations
from infra.openapi import COMMITTED, current


@pytest.mark.requirement("W7", "V2.1.1")
def test_the_committed_description_is_the_current_one() -> None:
    assert COMMITTED.read_bytes() == current(), "run `python -m infra.openapi`"


def test_it_is_valid_openapi() -> None:
    validate(json.loads(current()))


def test_it_does_not_depend_on_the_order_of_declarations() -> None:
    declared = declarations(app)
    assert document(declared) == document(declared[::-1])


def test_every_guarded_route_says_which_permission_it_needs_and_how_it_refuses() -> None:
    for path, operations in document(declarations(app))["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], f"{method} {path}"
            assert "429" in operation["responses"], f"{method} {path}"
            if "security" in operation:
                assert {"401", "503"} <= operation["responses"].keys(), f"{method} {path}"
                assert operation["x-permission"] in set(Permission)


def test_every_guarded_route_says_by_what_somebody_shows_who_they_are() -> None:
    paths = document(declarations(app))["paths"]
    assert paths["/api/ingest"]["post"]["security"] == [{"key": []}]
    assert paths["/api/orgs/{org}/projects/{project}/logs"]["get"]["security"] == [
        {"key": []}, {"connection": ["events:read"]}, {"session": []},
    ]  # fmt: skip
    assert paths["/api/auth/me"]["get"]["security"] == [{"session": []}]
    assert "security" not in paths["/api/auth/login"]["post"]


def test_pages_are_for_people_and_not_described() -> None:
    of_oauth = ("/.well-known/", "/oauth/token", "/oauth/revoke", "/oauth/register")
    assert all(
        path.startswith(("/api/", *of_oauth))
        or path in ("/healthz", "/reports")
        or path.endswith(".json")  # a page's twin
        for path in json.loads(current())["paths"]
    )


def test_every_problem_has_its_status_in_the_range_of_errors() -> None:
    assert all(400 <= problem.status < 600 for problem in PROBLEMS.values())
