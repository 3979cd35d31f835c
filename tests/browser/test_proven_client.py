"""An app that proves who it is by an address of its own (a client ID metadata document), at a real browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from infra.browser.app import App, listening
from infra.product import Product, product
from tests.browser.test_consent import look, went_only_to
from tests.oauth.parties import ADDRESS, HOST, document, published
from tests.outside.tls_server import authority, serving


@pytest.fixture
def app() -> Iterator[App]:
    with listening(ADDRESS) as listens:
        yield listens


@pytest.fixture
def running(app: App, tmp_path: Path) -> Iterator[Product]:
    """The product, which finds the app's host and its document there."""
    said = document(redirect_uris=["http://127.0.0.1/callback"], client_name="Careful Assistant")
    with serving(published(said)) as server:
        trusted, hosts = tmp_path / "authority.pem", tmp_path / "hosts.json"
        trusted.write_bytes(authority())
        hosts.write_text(json.dumps({HOST: {"port": server.port, "authority": str(trusted)}}))
        with product({"TEST_HOSTS": str(hosts)}) as served:
            yield served
        assert len(server.requests) == 1  # the second time it is remembered


@pytest.mark.requirement("O8", "O9", "O21")
@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (320, "light")])
def test_an_app_with_a_document_is_let_in_by_its_host(somebody, running, app, width, scheme):
    alice = somebody("Alice", width=width, scheme=scheme)
    alice.signs_up("Acme")
    alice.page.goto(app.question(running.url))
    alice.reads_heading(re.compile("Careful Assistant asks to read Acme"))
    alice.reads(HOST)
    look(alice, f"consent-document-{width}-{scheme}")
    alice.presses("Allow")
    expect(alice.page.get_by_text("Back at the app.")).to_be_visible()
    told = app.told()
    assert (told["state"], told["iss"]) == (app.state, running.url)
    assert app.redeem(running.url, told["code"])["scope"] == "events:read"
    assert went_only_to(alice, app)
    alice.page.goto(app.question(running.url))
    alice.presses("Cancel")
    assert app.told()["error"] == "access_denied"
    assert went_only_to(alice, app)
