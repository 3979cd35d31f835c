"""An app that asks, and somebody who is asked: requests to the authorization endpoint, and what comes back from it."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from chalicelib.oauth import clients
from chalicelib.oauth.client_metadata import Metadata
from chalicelib.oauth.clients import Client
from tests.api.client import Response
from tests.permissions.cast import Somebody, now

ISSUER = "http://127.0.0.1:8000"
ENDPOINT = "/oauth/authorize"

VERIFIER = "a-verifier-of-forty-three-characters-at-least-0"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")

CALLBACK = "https://app.example/oauth/callback"
HERE = "http://127.0.0.1:43117/callback"
"""Where `scry`, the client that is built in, listens: its port is any."""


def app(*redirects: str, name: str = "An app") -> Client:
    """One that registered itself."""
    metadata = Metadata(name=name, redirect_uris=redirects or (CALLBACK,))
    return clients.keep(metadata, "self-registered", now=now())


def wanted(client: Client | str = "scry", **changed: str | None) -> dict[str, str]:
    """The parameters of a right request; those that are None are left out."""
    client_id = client if isinstance(client, str) else client.client_id
    parameters = {
        "client_id": client_id, "redirect_uri": HERE if client_id == "scry" else CALLBACK, "response_type": "code",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": secrets.token_urlsafe(8),
    }  # fmt: skip
    return {name: value for name, value in {**parameters, **changed}.items() if value is not None}


def address(parameters: dict[str, str], more: str = "") -> str:
    """The request as an app opens it in a browser; `more` is appended to the query as it is."""
    return f"{ENDPOINT}?{urlencode(parameters, quote_via=quote)}{more}"


def asks(who: Somebody, parameters: dict[str, str], more: str = "", **headers: str) -> Response:
    return who.send("GET", address(parameters, more), **headers)


def decides(who: Somebody, page: Response, decision: str = "allow", **fields: str) -> Response:
    """Presses a button of the page."""
    return who.post_form(ENDPOINT, {"question": question(page), "decision": decision, **fields})


def question(page: Response) -> str:
    """What the form of the page carries."""
    return fields(page)["question"]


def fields(page: Response) -> dict[str, str]:
    """The hidden fields."""
    found = _Fields()
    found.feed(page.body.decode())
    return found.hidden


def location(answer: Response) -> str:
    found = answer.headers.get("Location")
    assert answer.status == 303, answer.body
    assert isinstance(found, str)
    return found


def told(answer: Response) -> dict[str, str]:
    """What a redirect tells the client."""
    pairs = parse_qsl(urlsplit(location(answer)).query, keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs)), "no parameter comes twice"
    return dict(pairs)


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[found["name"]] = found["value"]
