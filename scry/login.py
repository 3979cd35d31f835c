"""Logging in by the browser: an authorization code with PKCE, and its answer on this machine (RFC 8252, section 7.3).

scry                      browser                         server
listens on 127.0.0.1      opens /oauth/authorize ───────► sign in, consent for one project
◄── /callback?code&state ─ 303 ◄───────────────────────── code, state, iss
code + verifier ────────────────────────────────────────► tokens, kept in a file of mode 0600
"""

import base64
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scry.errors import Refused, Unreachable
from scry.kept_login import CLIENT, KeptLogin, tokens
from scry.terminal import harmless
from scry.transport import Connection, NoAnswer

WAITS_SECONDS: Final = 300.0
"""For somebody to say yes."""

DONE: Final = b"Logged in, or refused: the terminal says which. This page can be closed.\n"


@dataclass(frozen=True, slots=True)
class Destination:
    """A project of a server that somebody wants to read."""

    url: str
    org: str
    project: str

    @property
    def resource(self) -> str:
        return f"{self.url}/mcp/{quote(self.org, safe='')}/{quote(self.project, safe='')}"


def login(
    wanted: Destination, connection: Connection, show: Callable[[str], None], *, seconds: float = WAITS_SECONDS
) -> KeptLogin:
    """Tokens for the project, once somebody allowed it in the page whose address is given to `show`.

    Raises `Refused` and `Unreachable`.
    """
    check_issuer(wanted.url, connection)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with _Listener(("127.0.0.1", 0), _Callback) as listener:
        redirect = f"http://127.0.0.1:{listener.server_port}/callback"
        show(f"{wanted.url}/oauth/authorize?{urlencode(_question(wanted, redirect, verifier, state))}")
        answer = listener.answer(seconds)
    code = _code(answer, state=state, issuer=wanted.url)
    given = tokens(
        connection,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "resource": wanted.resource,
        },
    )
    return KeptLogin(wanted.url, wanted.org, wanted.project, given["access_token"], given["refresh_token"])


def check_issuer(url: str, connection: Connection) -> None:
    """That the address is the one by which the server calls itself (RFC 8414, section 3.3). Raises `Refused` and
    `Unreachable`."""
    try:
        said = connection.request("GET", "/.well-known/oauth-authorization-server", key="").object() or {}
    except NoAnswer as error:
        raise Unreachable(f"No answer from {url} ({error})") from error
    if said.get("issuer") != url:
        named = harmless(str(said.get("issuer") or "no Scrywatch"))
        raise Refused(f"{url} is {named}. Log in by the address that it calls itself.", status=200)


def _question(wanted: Destination, redirect: str, verifier: str, state: str) -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": redirect,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": state,
        "resource": wanted.resource,
    }


def _code(answer: dict[str, str], *, state: str, issuer: str) -> str:
    if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise Refused("The answer is not to this question: another page may have sent it. Run it again.", status=400)
    if answer.get("iss", issuer) != issuer:
        raise Refused("The answer comes from another server than was asked (RFC 9207).", status=400)
    if "code" not in answer:
        why = harmless(answer.get("error_description") or answer.get("error") or "no code in the answer")
        raise Refused(f"Not logged in: {why}.", status=400)
    return answer["code"]


class _Listener(HTTPServer):
    """Waits for the one answer."""

    answered: dict[str, str] | None = None

    def answer(self, seconds: float) -> dict[str, str]:
        ends = time.monotonic() + seconds
        while self.answered is None:
            self.timeout = ends - time.monotonic()
            if self.timeout <= 0:
                raise Unreachable(f"Nobody allowed it within {seconds:.0f} seconds. Run it again.")
            self.handle_request()
        return self.answered


class _Callback(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/callback":
            self.send_error(404)
            return
        self.server.answered = dict(parse_qsl(url.query))
        self.send_response(200)
        for name, value in (
            ("Content-Type", "text/plain"),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(DONE)

    def log_message(self, *_: object) -> None:
        """Nothing: the address has the code in it."""
