"""What answers say to browsers and caches: their types, their policies, and no secret in any address."""

import re
from typing import Any

import pytest

from app import app
from chalicelib.identity.permissions import Permission
from chalicelib.storage import dynamodb
from chalicelib.web.cookies import SESSION
from chalicelib.web.declaration import Declaration
from chalicelib.web.headers import SECURITY_HEADERS, of_page
from chalicelib.web.responses import is_local
from chalicelib.web.templates import static_files
from tests.api.client import Client, Response
from tests.permissions.cast import NOBODY, Somebody, Tenant, holder, signed_in, undone
from tests.permissions.routes import ROUTES, path, title
from tests.permissions.test_matrix import asked

SECRETS = {"password", "current", "code", "secret", "api_key", "apikey", "session", "csrf_token", "authorization"}
"""Names of parameters that would carry a secret."""

IDS = {
    "org", "project", "key", "id", "user", "view", "deploy", "invitation", "session", "digest", "name", "connection",
    "trace",
}  # fmt: skip
"""Parameters of paths. What they hold names something, and opens nothing: `key` is the public part of one."""

TYPES = re.compile(
    r"application/(problem\+)?json|application/x-ndjson|image/(svg\+xml|webp)"
    r"|text/(html|css|csv|javascript|plain); charset=utf-8"
)
OPEN = re.compile(r"/api/ingest|/[.]well-known/.*|/oauth/(token|register|revoke)")
"""What programs in other people's pages may call: it knows keys and codes, and no cookies."""
CREDENTIALS = "Access-Control-Allow-Credentials"

MAILED = {"/confirm", "/invitation", "/reset"}
"""The pages that a mailed link leads to, with a token that works once."""


def everybody(acme: Tenant) -> list[Somebody]:
    return [NOBODY, signed_in("owner", acme.owner), holder("ingest", acme.ingest_key), holder("query", acme.query_key)]


def untyped(route: Declaration, answer: Response) -> bool:
    """A body without its type, or text without its encoding (V4.1.1, V3.2.1)."""
    answer.body.decode("utf-8")
    return bool(answer.body) and TYPES.fullmatch(answer.headers.get("Content-Type", "")) is None


def opened(route: Declaration, answer: Response) -> bool:
    """Readable from other origins, which only what knows no cookies is (V3.4.2)."""
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    if allowed is None:
        return CREDENTIALS in answer.headers
    return allowed != "*" or OPEN.fullmatch(route.path) is None or CREDENTIALS in answer.headers


def entered(route: Declaration, answer: Response) -> bool:
    """A GET that begins or ends a session (V7.6.2, V3.5.3)."""
    return route.method in ("GET", "HEAD") and SESSION in str(answer.headers.get("Set-Cookie", ""))


def scripted(route: Declaration, answer: Response) -> bool:
    """A script that is no file (V3.5.6, V3.5.7)."""
    return "javascript" in answer.headers.get("Content-Type", "") and route.kind != "file"


def kept(route: Declaration, answer: Response) -> bool:
    """Something that caches may keep and that is not for everybody (V14.2.2, V14.3.2)."""
    for_all = route.kind == "file" or route.path.startswith(("/openapi.json", "/.well-known/"))
    return answer.headers["Cache-Control"] != "no-store" and not for_all


def led_away(route: Declaration, answer: Response) -> bool:
    """A redirect to another site (V3.7.2)."""
    return not is_local(answer.headers.get("Location", "/"))


WRONGS = (untyped, opened, entered, scripted, kept, led_away)


@pytest.mark.requirement(
    "V3.2.1", "V3.4.2", "V3.5.3", "V3.5.6", "V3.5.7", "V3.7.2", "V4.1.1", "V7.6.2", "V14.2.2", "V14.3.2"
)
@pytest.mark.parametrize("number", range(4), ids=["nobody", "owner", "ingest key", "query key"])
def test_nothing_is_wrong_with_any_answer(number: int, acme: Tenant) -> None:
    who = everybody(acme)[number]
    found = []
    for route in ROUTES:
        with undone(route.method):
            answer = asked(who, route, acme)
        found += [(wrong.__name__, title(route), answer.status) for wrong in WRONGS if wrong(route, answer)]
    assert found == []


@pytest.mark.requirement("V3.4.2", "V3.5.2")
def test_other_origins_may_send_events_and_speak_oauth_and_nothing_else() -> None:
    opened = [route for route in ROUTES if app.routes[route.path][route.method].cors]
    assert [route.path for route in opened if OPEN.fullmatch(route.path) is None] == []
    assert {route.permission for route in opened} <= {
        Permission.EVENTS_WRITE,
        Permission.DEPLOYS_WRITE,
        Permission.PUBLIC,
    }


@pytest.mark.requirement("V3.4.1", "V3.4.4", "V3.4.5", "V3.4.8", "V3.5.8")
def test_the_headers_of_every_answer_are_these() -> None:
    """`tests/permissions/test_headers.py` finds them on every answer."""
    age, _, rest = SECURITY_HEADERS["Strict-Transport-Security"].partition("; ")
    assert int(age.removeprefix("max-age=")) >= 365 * 86_400
    assert rest == "includeSubDomains"
    assert SECURITY_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_HEADERS["Referrer-Policy"] == "no-referrer"
    assert of_page()["Referrer-Policy"] == "same-origin"
    assert SECURITY_HEADERS["Cross-Origin-Opener-Policy"] == "same-origin"
    assert SECURITY_HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.requirement("V3.4.3", "V3.4.6", "V3.2.1", "V14.2.3")
def test_a_policy_begins_with_nothing_and_allows_what_is_ours() -> None:
    for headers in (SECURITY_HEADERS, of_page()):
        directives = dict(each.partition(" ")[::2] for each in headers["Content-Security-Policy"].split("; "))
        # `object-src` and all other sources are `default-src` where they are not named.
        assert directives["default-src"] == "'none'"
        assert directives.get("object-src", "'none'") == "'none'"
        assert directives["base-uri"] == directives["frame-ancestors"] == "'none'"
        sources = {word for name, words in directives.items() if name.endswith("-src") for word in words.split()}
        assert sources <= {"'none'", "'self'", "data:"}


@pytest.mark.requirement("V4.1.1")
def test_files_have_their_types(acme: Tenant) -> None:
    for name, file in static_files().items():
        answer = Client().get(f"/static/{file.digest}/{name}")
        assert answer.headers["Content-Type"] == {
            "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
            "webp": "image/webp",
        }[name.rpartition(".")[2]]  # fmt: skip


@pytest.mark.requirement("V3.3.4", "V7.2.2")
def test_no_body_holds_the_value_of_a_session(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    for route in ROUTES:
        with undone(route.method):
            answer = asked(owner, route, acme)
        assert owner.binding.encode() not in answer.body, title(route)


@pytest.mark.requirement("V3.5.6", "V3.5.7")
def test_scripts_are_files_that_are_the_same_for_everybody(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    for name, file in static_files().items():
        where = f"/static/{file.digest}/{name}"
        assert owner.send("GET", where).body == NOBODY.send("GET", where).body == file.content
    for parameter in ("callback", "jsonp", "cb"):
        assert b"hello(" not in owner.send("GET", f"/api/orgs?{parameter}=hello").body


@pytest.mark.requirement("V14.2.5")
@pytest.mark.parametrize("ending", ["/app.css", "/x.js", ";x.css", "%2Fapp.css", "/static/0/app.css"])
def test_an_address_that_looks_like_a_files_shows_nothing_of_a_page(ending: str, acme: Tenant) -> None:
    """Web cache deception: a cache that goes by endings must find nothing to keep."""
    owner = signed_in("owner", acme.owner)
    for route in ROUTES:
        if route.kind == "page" and route.permission != "public":
            answer = _sent(owner, f"{path(route, acme)}{ending}")
            assert answer.status == 404, (title(route), answer.status)
            assert answer.headers["Cache-Control"] == "no-store"


def _sent(who: Somebody, where: str) -> Response:
    return who.send("GET", where)


@pytest.mark.requirement("V14.2.5")
def test_a_file_that_is_not_there_is_not_found() -> None:
    for where in ("/static/0000000000000000/nothing.css", "/static/0000000000000000/account", "/static/app.css"):
        answer = Client().get(where)
        assert (answer.status, answer.headers["Cache-Control"]) == (404, "no-store")


@pytest.mark.requirement("V14.2.1")
def test_no_address_has_a_place_for_a_secret() -> None:
    for route in ROUTES:
        names = set(route.query.__struct_encode_fields__) if route.query else set()
        assert not names & (SECRETS | {"token", "key"}), title(route)
        assert set(route.parameters) <= IDS, title(route)


@pytest.mark.requirement("V14.2.1", "V7.2.1")
def test_a_secret_in_an_address_opens_nothing(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    for name in ("key", "api_key", "token", "access_token", "authorization", "session", SESSION):
        for secret, where in ((acme.query_key, acme.logs), (owner.binding, "/api/auth/me")):
            assert NOBODY.send("GET", f"{where}?{name}={secret}").status in (400, 401)


@pytest.mark.requirement("V14.2.1")
def test_the_tokens_of_mailed_links_reach_no_other_address(acme: Tenant) -> None:
    """They stand in the link, once, and are told to nobody: no referrer leaves the site."""
    for where in MAILED:
        answer = Client().get(f"{where}?token=m4rk")
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "m4rk" not in str(answer.headers)


@pytest.mark.requirement("V16.5.1")
def test_what_broke_is_told_in_words_that_say_nothing_of_the_inside(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("SELECT m4rk FROM inside")

    owner = signed_in("owner", acme.owner)
    monkeypatch.setattr(dynamodb, "transport", broken)
    faults = [answer for route in ROUTES if (answer := asked(owner, route, acme)).status == 500]
    assert len(faults) > 50
    for answer in faults:
        for word in (b"m4rk", b"KeyError", b"Traceback", b".py"):
            assert word not in answer.body
