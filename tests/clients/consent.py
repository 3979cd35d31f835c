"""Somebody at a browser without a screen: signed in, asked by a client, and sent back to it with an answer."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPMessage
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from chalicelib.web.cookies import SESSION
from infra.product import Product


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; redirects are not followed."""

    status: int
    headers: HTTPMessage
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(method: str, url: str, *, body: bytes | str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Person:
    """The first account, signed in. What else it has, it has from pages, as a browser does."""

    url: str
    account: Mapping[str, str] = field(repr=False)
    cookie: str = field(repr=False)
    csrf: str = field(repr=False)

    def answered(self, url: str, decision: str = "allow") -> str:
        """Opens what a client asks to open, says yes (or `deny`), and gives the address that this leads to.

        What needs nobody's answer leads there at once.
        """
        asked = self.opened(url)
        if asked.status in (302, 303):
            return asked.headers["Location"]
        assert asked.status == 200, asked.text
        form = _forms(asked.text)["question"]
        if "project" in form.choices:
            form.fields["project"] = self._own(form.choices["project"])
        sent = self.sent(urljoin(url, form.action), {**form.fields, "decision": decision})
        assert sent.status == 303, sent.text
        return sent.headers["Location"]

    def opened(self, url: str) -> Answer:
        return send("GET", url, headers={"Cookie": self.cookie, "Accept": "text/html"})

    def sent(self, url: str, fields: Mapping[str, str]) -> Answer:
        headers = {
            "Cookie": self.cookie,
            "Origin": self.url,
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return send("POST", url, body=urlencode(fields), headers=headers)

    def asks(self, method: str, path: str, body: Any = None) -> Answer:
        """A call of the API, as the product's own pages may make it."""
        headers = {"Cookie": self.cookie, "Origin": self.url, "X-CSRF-Token": self.csrf}
        if body is None:
            return send(method, self.url + path, headers=headers)
        return send(
            method, self.url + path, body=json.dumps(body), headers={**headers, "Content-Type": "application/json"}
        )

    def _own(self, projects: list[str]) -> str:
        [own] = [each for each in projects if each.endswith(self.account["project"])] or projects[:1]
        return own


def signed_in(running: Product) -> Person:
    account = running.account
    login = json.dumps({"email": account["email"], "password": account["password"]})
    headers = {"Content-Type": "application/json", "Origin": running.url}
    answer = send("POST", f"{running.url}/api/auth/login", body=login, headers=headers)
    assert answer.status == 200, answer.text
    cookies = SimpleCookie("; ".join(each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie", [])))
    session = f"{SESSION}={cookies[SESSION].value}"
    return Person(running.url, account, session, answer.json["csrf_token"])


@dataclass
class Form:
    """What a browser would send: `choices` are what a radio button offers, none of which is chosen yet."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
        elif tag == "input" and given.get("type") == "hidden":
            self.found[-1].fields[given["name"]] = given["value"]
        elif tag == "input" and given.get("type") == "radio":
            self.found[-1].choices.setdefault(given["name"], []).append(given["value"])


def _forms(page: str) -> dict[str, Form]:
    """The forms of a page, by the names of their fields."""
    parser = _Forms()
    parser.feed(page)
    return {name: form for form in parser.found for name in (*form.fields, *form.choices)}
