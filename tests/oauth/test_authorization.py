"""The authorization endpoint on the real app: what is asked for, in which order it is checked, where answers go."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import settings as deployment
from chalicelib.identity import passwords
from chalicelib.oauth.authorization import Redirect, granted
from chalicelib.web.cookies import SESSION
from tests.oauth import asking, parties
from tests.oauth.asking import CALLBACK, HERE, ISSUER, app, asks, decides, location, told, wanted
from tests.pages.visitor import Visitor
from tests.permissions.cast import NOBODY, Somebody, Tenant, signed_in, stored

LOOPBACK = "http://127.0.0.1/callback"


@pytest.fixture
def ada(acme: Tenant) -> Somebody:
    """She owns Acme, whose one project is the shop."""
    return signed_in("Ada", acme.owner)


def stays_here(answer: asking.Response) -> bool:
    """Whether it is an error page that leads nowhere."""
    return answer.status == 400 and "Location" not in answer.headers and b"<h1>" in answer.body


@pytest.mark.requirement("O1", "V10.4.1")
@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": ""},
        {"client_id": "scry-client-0000000000000000000000"},
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:43117/other"},
        {"redirect_uri": "http://127.0.0.1.evil.example:43117/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": HERE + "#fragment"},
    ],
)
def test_an_unknown_client_or_redirect_gets_an_error_page_and_nothing_is_sent_anywhere(ada, changed):
    before = stored()["tokens"]
    assert stays_here(asks(ada, wanted(**changed)))
    assert stored()["tokens"] == before


@pytest.mark.requirement("O1", "O4")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_what_decides_where_an_answer_goes_comes_once(ada, name):
    parameters = wanted()
    assert stays_here(asks(ada, parameters, f"&{name}={parameters[name]}"))


@pytest.mark.requirement("O1")
def test_one_redirect_may_be_left_out_if_it_is_the_only_one_and_its_port_is_known(ada):
    page = asks(ada, wanted(app(CALLBACK), redirect_uri=None))
    assert page.status == 200
    assert location(decides(ada, page)).startswith(f"{CALLBACK}?code=")
    assert stays_here(asks(ada, wanted(app(CALLBACK, CALLBACK + "/2"), redirect_uri=None)))
    assert stays_here(asks(ada, wanted(app(LOOPBACK), redirect_uri=None)))


@pytest.mark.requirement("O3", "O5", "S1", "V10.4.6", "V10.4.12")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "A" * 42}, "invalid_request"),
        ({"code_challenge": "A" * 129}, "invalid_request"),
        ({"code_challenge": "A" * 42 + "="}, "invalid_request"),
    ],
)
def test_a_request_that_cannot_be_granted_is_told_to_the_client_with_its_state_and_our_name(ada, changed, error):
    parameters = wanted(**changed)
    answer = asks(ada, parameters)
    assert location(answer).startswith(HERE + "?")
    found = told(answer)
    assert found["error"] == error
    assert found["state"] == parameters["state"]
    assert found["iss"] == ISSUER
    assert "code" not in found


@pytest.mark.requirement("O4")
@pytest.mark.parametrize("name", ["response_type", "scope", "code_challenge", "code_challenge_method", "resource"])
def test_a_parameter_that_comes_twice_is_refused(ada, name):
    parameters = {"scope": "events:read", "resource": f"{ISSUER}/mcp", **wanted()}
    found = told(asks(ada, parameters, f"&{name}={parameters[name]}"))
    assert found["error"] == "invalid_request"
    assert found["state"] == parameters["state"]


@pytest.mark.requirement("O4")
def test_of_two_states_none_goes_back(ada):
    found = told(asks(ada, wanted(), "&state=another"))
    assert found["error"] == "invalid_request"
    assert "state" not in found


@pytest.mark.requirement("O4")
def test_unknown_parameters_are_ignored_and_empty_ones_count_as_absent(ada):
    parameters = wanted(scope="", resource="", nonsense="1", prompt="none", nonce="n")
    page = asks(ada, parameters, "&more=1&more=2")
    assert page.status == 200
    assert told(asks(ada, wanted(response_type="")))["error"] == "invalid_request"
    assert "state" not in told(decides(ada, asks(ada, wanted(state=""))))


@pytest.mark.requirement("O5")
@pytest.mark.parametrize(
    "state",
    ["plain", "a b", "a+b", "a%2Bb", "&=?#/\\", '{"json": ["x"]}', "ümläut ✓", "''\"<>", "code=x&iss=y", "x" * 2000],
)
def test_the_state_goes_back_as_it_came_with_a_code_and_with_an_error(ada, state):
    parameters = wanted(state=state)
    for answer in (
        asks(ada, {**parameters, "response_type": "token"}),
        decides(ada, asks(ada, parameters)),
        decides(ada, asks(ada, parameters), "deny"),
    ):
        found = told(answer)
        assert found["state"] == state
        assert found["iss"] == ISSUER


@pytest.mark.requirement("O5")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.text(st.characters(codec="utf-8"), min_size=1))
def test_every_state_survives_the_way_back_and_adds_no_parameter(state):
    for uri in (CALLBACK, CALLBACK + "?its=own", "cursor://anysphere.cursor-mcp/oauth/callback"):
        url = granted(Redirect(uri, state), "the code")
        assert url.startswith(uri)
        found = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
        assert [pair for pair in found if pair[0] != "its"] == [("code", "the code"), ("state", state), ("iss", ISSUER)]


@pytest.mark.requirement("O6")
@pytest.mark.parametrize("scope", ["events:write", "events:read events:write", "EVENTS:READ", "openid"])
def test_an_unknown_scope_is_refused(ada, scope):
    assert told(asks(ada, wanted(scope=scope)))["error"] == "invalid_scope"


@pytest.mark.requirement("O6", "V10.4.11")
@pytest.mark.parametrize("scope", [None, "", "events:read", "events:read events:read"])
def test_what_is_granted_is_reading_whether_it_was_asked_for_or_not(ada, scope):
    assert "code" in told(decides(ada, asks(ada, wanted(scope=scope))))


@pytest.mark.requirement("O6")
@pytest.mark.parametrize(
    "resource",
    ["https://evil.example/mcp", ISSUER + "/api", "http://127.0.0.1:8001/mcp", ISSUER + "/mcp/acme", "mcp", "urn:x"],
)
def test_a_foreign_resource_is_refused(ada, resource):
    assert told(asks(ada, wanted(resource=resource)))["error"] == "invalid_target"


@pytest.mark.requirement("O6")
@pytest.mark.parametrize(
    "resource", [None, "", ISSUER, ISSUER + "/", ISSUER + "/mcp", ISSUER + "/mcp/", ISSUER + "/mcp/acme/shop/"]
)
def test_a_resource_may_be_left_out_or_written_in_other_ways(ada, resource):
    assert "code" in told(decides(ada, asks(ada, wanted(resource=resource))))


@pytest.mark.requirement("O7")
@pytest.mark.parametrize(
    "changed", [{}, {"client_id": "nobody"}, {"redirect_uri": "https://evil.example/"}, {"response_type": "token"}]
)
def test_nobody_is_redirected_to_a_client_before_they_signed_in(acme, changed):
    answer = asks(NOBODY, wanted(**changed))
    assert location(answer).startswith("/sign-in?next=/oauth/authorize?")


@pytest.mark.requirement("O7")
def test_a_stranger_makes_us_fetch_no_document_of_a_client(acme, ada, monkeypatch):
    parameters = wanted(parties.ADDRESS, redirect_uri=parties.REDIRECT)
    with parties.reached(monkeypatch, parties.published(parties.document())) as server:
        assert location(asks(NOBODY, parameters)).startswith("/sign-in?")
        assert server.requests == []
        assert asks(ada, parameters).status == 200
        assert len(server.requests) == 1


@pytest.mark.requirement("O5", "O7")
@pytest.mark.parametrize(
    "state", ["a b+c%2B&d=e#f", "ümläut ✓", "s" * 7_500, "/sign-in?next=//evil.example", "\\\"'<script>"]
)
def test_the_whole_request_comes_through_the_sign_in(acme, monkeypatch, state):
    visitor = Visitor()
    signed_up(visitor, monkeypatch)
    parameters = wanted(state=state, nonsense="x")
    visitor.opens(asking.address(parameters, "&more=1&more=2"))
    assert visitor.heading == "Sign in"
    visitor.sends("/sign-in", email="eve@example.com", password="seven turtles dance")
    assert "asks to read" in visitor.heading
    assert dict(parse_qsl(urlsplit(visitor.path).query)).items() >= parameters.items()
    session = visitor.cookies[SESSION]
    who = Somebody("Eve", {"Cookie": f"{SESSION}={session}"}, session)
    assert told(decides(who, visitor.response))["state"] == state


@pytest.mark.requirement("O4", "O7")
def test_what_came_twice_has_still_come_twice_after_the_sign_in(acme, monkeypatch):
    visitor = Visitor()
    signed_up(visitor, monkeypatch)
    visitor.opens(asking.address(wanted(), "&client_id=scry"))
    visitor.sends("/sign-in", email="eve@example.com", password="seven turtles dance")
    assert visitor.response.status == 400


def signed_up(visitor, monkeypatch):
    """Eve, who has an account and is signed out."""
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=8, passes=1))
    monkeypatch.setenv("SCRY_MAIL", "none")
    deployment.current.cache_clear()
    visitor.opens("/sign-up")
    visitor.sends("/sign-up", name="Eve", email="eve@example.com", password="seven turtles dance", org_name="Eve")
    visitor.cookies.clear()


@pytest.mark.requirement("O9")
def test_every_answer_forbids_to_be_framed_kept_or_told_of_and_redirects_with_get(ada):
    page = asks(ada, wanted())
    answers = {
        "the question": page,
        "an error page": asks(ada, wanted(client_id="nobody")),
        "an error": asks(ada, wanted(response_type="token")),
        "a code": decides(ada, page),
        "no": decides(ada, page, "deny"),
        "a question again": decides(ada, page, "perhaps"),
        "a broken form": ada.post_form(asking.ENDPOINT, {"question": "x", "decision": "allow"}),
    }
    assert {name: answer.status for name, answer in answers.items()} == {
        "the question": 200, "an error page": 400, "an error": 303, "a code": 303, "no": 303, "a question again": 422,
        "a broken form": 400,
    }  # fmt: skip
    for name, answer in answers.items():
        assert answer.headers["Cache-Control"] == "no-store", name
        assert answer.headers["Referrer-Policy"] == "no-referrer", name
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], name


@pytest.mark.requirement("O9")
@pytest.mark.parametrize(
    ("uri", "source"),
    [
        (CALLBACK, "https://app.example"),
        ("https://app.example:8443/cb?its=own", "https://app.example:8443"),
        ("http://127.0.0.1:43117/callback", "http://127.0.0.1:43117"),
        ("http://localhost:1/callback", "http://localhost:1"),
        ("http://[::1]:43117/callback", "http:"),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:"),
        ("com.example.app:/callback", "com.example.app:"),
    ],
)
def test_the_form_may_lead_to_the_redirect_and_to_nowhere_else(ada, uri, source):
    page = asks(ada, wanted(app(uri), redirect_uri=uri))
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["form-action"] == f"'self' {source}"
    assert location(decides(ada, page)).startswith(uri)


@pytest.mark.requirement("O10")
def test_no_page_of_another_origin_may_read_what_is_answered_here(ada):
    other = {"Origin": "https://app.example"}
    for answer in (asks(ada, wanted(), **other), asks(ada, wanted(response_type="token"), **other)):
        assert [name for name in answer.headers if name.lower().startswith("access-control-")] == []
    preflight = NOBODY.send("OPTIONS", asking.ENDPOINT, **other, **{"Access-Control-Request-Method": "POST"})
    assert preflight.status in (403, 404, 405)
    assert [name for name in preflight.headers if name.lower().startswith("access-control-")] == []
