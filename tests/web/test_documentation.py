"""`docs/api.md` names every route that programs call, with the role it needs, and every problem that the door tells."""

import re
from pathlib import Path

import pytest

from app import app
from chalicelib.identity.permissions import GRANTS, Permission, Role
from chalicelib.web.problems import PROBLEMS
from chalicelib.web.routing import declarations

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ROWS = {
    route: row for row in re.findall(r"^\|.*\|$", API, re.MULTILINE) for route in re.findall(r"`([A-Z]+ /[^`]+)`", row)
}
"""By `METHOD /path`: the row of a table that tells of it."""

ROUTES = [each for each in declarations(app) if each.kind == "api"]
TOLD_OTHERWISE = {"/api/ingest", "/healthz", "/openapi.json"}


def is_of_logs(path: str) -> bool:
    return "/logs" in path


@pytest.mark.requirement("V2.1.1")
def test_every_route_is_documented() -> None:
    wanted = {
        f"{each.method} {each.path}" for each in ROUTES if each.path not in TOLD_OTHERWISE and not is_of_logs(each.path)
    }
    assert wanted == ROWS.keys()
    for each in ROUTES:
        if is_of_logs(each.path):
            assert f"| `/logs{each.path.partition('/logs')[2]}` |" in API


@pytest.mark.requirement("S30", "V8.1.1")
def test_each_role_is_documented_as_the_table_of_permissions_has_it() -> None:
    for each in ROUTES:
        holders = [role for role in Role if each.permission in GRANTS[role]]
        for_all = is_of_logs(each.path) or each.permission is Permission.PUBLIC
        if "{org}" in each.path and not for_all:
            assert re.search(rf"\| {holders[0]}\b", ROWS[f"{each.method} {each.path}"]), each.path


def test_what_wants_a_fresh_password_is_documented_so() -> None:
    for each in ROUTES:
        if each.fresh:
            assert "fresh" in ROWS[f"{each.method} {each.path}"], each.path


def test_every_problem_of_the_door_is_documented() -> None:
    on_pages_only = {"form", "method-not-allowed"}
    for problem in PROBLEMS.values():
        if problem.code not in on_pages_only and "parameter" not in problem.code:
            assert re.search(rf"\| {problem.status} \| `{problem.code}` \|", API), problem.code


def test_everybody_has_the_permissions_of_an_account() -> None:
    assert all(Permission.ACCOUNT_WRITE in may for may in GRANTS.values())
