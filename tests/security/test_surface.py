"""What a deployment shows of itself: what it is for, and nothing that only helps who looks for a way in."""

import ast
from pathlib import Path

import pytest

from app import app
from chalicelib.identity.permissions import Permission
from chalicelib.web import templates
from tests.api.client import Client
from tests.permissions.cast import NOBODY, Tenant, holder, signed_in, undone
from tests.permissions.routes import ROUTES, title
from tests.permissions.test_matrix import asked
from tests.security.test_documentation import SECURITY, rows, section, words

ROOT = Path(__file__).parents[2]

VERSIONS = ("Python/", "botocore", "chalice", "Chalice", "jinja", "Jinja", "DynamoDB", "Lambda/", "x-powered-by")


@pytest.mark.requirement("V13.4.2")
def test_nothing_is_in_a_mode_for_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.debug is False
    assert templates._environment().auto_reload is False
    assert not any("debug" in extension.lower() for extension in templates._environment().extensions)
    for file in (*ROOT.glob("chalicelib/**/*.py"), ROOT / "app.py"):
        assert ".debug = True" not in file.read_text()
        assert "debug=True" not in file.read_text()


@pytest.mark.requirement("V13.4.3")
@pytest.mark.parametrize("where", ["/static/", "/static", "/static/0000000000000000/", "/static/0000000000000000/."])
def test_no_folder_is_listed(where: str, acme: Tenant) -> None:
    for who in (NOBODY, signed_in("owner", acme.owner)):
        answer = who.send("GET", where)
        assert answer.status in (403, 404)
        assert b"app.css" not in answer.body


@pytest.mark.requirement("V13.4.4")
def test_no_route_is_traced() -> None:
    assert {route.method for route in ROUTES} <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    for where in ("/", "/api/ingest", "/sign-in"):
        answer = Client().send("TRACE", where, headers={"X-Marked": "m4rk"})
        assert answer.status in (403, 405)
        assert b"m4rk" not in answer.body


@pytest.mark.requirement("V13.4.5")
def test_what_everybody_may_read_about_the_deployment_is_a_short_list() -> None:
    """Whatever else needs no sign-in is a page to sign in or up by, a file, or speaks OAuth."""
    told = {
        route.path
        for route in ROUTES
        if route.permission is Permission.PUBLIC and route.method == "GET" and route.kind == "api"
    }
    documented = {word for path, _ in rows(section(SECURITY, "What everybody can read")) for word in words(path)}
    assert told == documented


@pytest.mark.requirement("V13.4.2", "V13.4.5")
def test_no_answer_names_what_it_is_made_with(acme: Tenant) -> None:
    for who in (NOBODY, signed_in("owner", acme.owner), holder("query", acme.query_key)):
        for route in ROUTES:
            with undone(route.method):
                answer = asked(who, route, acme)
            assert not {"server", "x-powered-by", "via"} & {name.lower() for name in answer.headers}, title(route)
            if route.kind == "api" and route.path != "/openapi.json":
                assert not [word for word in VERSIONS if word.encode() in answer.body], title(route)


READERS = {"identity/common_passwords", "web/templates", "mcp/resources", "routes/pages/promises"}
"""Modules that read files, all of which ship with them and are named in the module itself."""


@pytest.mark.requirement("V5.3.2")
def test_files_are_read_by_names_that_are_written_down_and_never_written() -> None:
    reading, opening = set(), []
    for file in sorted((ROOT / "chalicelib").rglob("*.py")):
        name = file.relative_to(ROOT / "chalicelib").with_suffix("").as_posix()
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.ImportFrom(module="pathlib") | ast.Import(names=[ast.alias(name="pathlib")]):
                    reading.add(name)
                case ast.Call(func=ast.Name(id="open") | ast.Attribute(attr="write_text" | "write_bytes" | "unlink")):
                    opening.append(f"{name}:{node.lineno}")
    assert reading == READERS
    assert opening == []
