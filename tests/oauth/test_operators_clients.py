"""A client that an operator makes: the deployment's own, known for good."""

import json

import pytest

from chalicelib.oauth import clients
from chalicelib.oauth.clients import IDLE_SECONDS
from chalicelib.storage.tables.models import ClientItem
from infra.admin import main
from tests.oauth.parties import NOW, REDIRECT

Capture = pytest.CaptureFixture[str]


@pytest.mark.requirement("O22")
def test_an_operator_makes_a_client_that_is_known_for_good(store: None, capsys: Capture) -> None:
    other = "http://127.0.0.1/cb"
    command = ["register-client", "--name", "Our dashboard", "--redirect-uri", REDIRECT, "--redirect-uri", other]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = clients.client(told["client_id"], now=NOW + 10 * IDLE_SECONDS)
    assert (found.kind, found.name, found.redirect_uris) == ("registered", "Our dashboard", (REDIRECT, other))


@pytest.mark.requirement("O2")
@pytest.mark.parametrize("uri", ["http://dash.example/cb", "javascript:alert(1)", "https://dash.example/cb#x"])
def test_redirects_are_held_to_the_same_rules(uri: str, moto_store: None, capsys: Capture) -> None:
    assert main(["register-client", "--name", "Our dashboard", "--redirect-uri", uri]) == 1
    assert "redirect URI" in capsys.readouterr().err
    assert list(ClientItem.scan()) == []
