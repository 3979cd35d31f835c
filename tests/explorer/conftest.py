"""Somebody who explores: signed in, at a browser without JavaScript, with a project to send to."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.identity import passwords
from chalicelib.identity.api_keys import KEY
from tests.api.client import Client
from tests.pages.visitor import Visitor

PROJECT = "/orgs/acme/projects/app"


@dataclass
class Explorer:
    visitor: Visitor
    key: str
    now: int

    def sends(self, *events: Mapping[str, Any]) -> None:
        """Stores events, each a second older than the one before."""
        batch = [{"timestamp": self.now - 1_000 * at, **event} for at, event in enumerate(events)]
        answer = Client().post("/api/ingest", {"events": batch}, key=self.key)
        assert answer.status == 202, answer.body
        assert answer.json["rejected"] == []

    def opens(self, address: str = "") -> str:
        """Follows a link, or looks at the explorer with these parameters behind it."""
        path = address if address.startswith("/") else f"{PROJECT}/explore{address}"
        answer = self.visitor.opens(path)
        assert answer.status == 200, answer.body
        return self.visitor.html

    def twin(self, query: str = "") -> dict[str, Any]:
        answer = self.visitor.opens(f"{PROJECT}/explore.json{query}")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def link(self, words: str) -> str:
        """Where the link leads that has these words, or this label."""
        for each in self.visitor.page.all("a"):
            if words in (each.attributes.get("aria-label"), " ".join(each.text.split())):
                return each.attributes["href"]
        raise AssertionError(f"no link says {words!r}")

    @property
    def messages(self) -> list[str]:
        """Of the rows, as they are shown."""
        rows = re.findall(r'<tr id="e-\w.*?</tr>', self.visitor.html, re.DOTALL)
        return [re.sub(r"<[^>]*>", "", row.rpartition("<td><bdi>")[2]) for row in rows]

    @property
    def state(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.visitor.path).query).items()}


@pytest.fixture
def explorer(engine_store: None, monkeypatch: pytest.MonkeyPatch) -> Explorer:
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=8, passes=1))
    visitor = Visitor()
    visitor.opens("/sign-up")
    visitor.sends("/sign-up", name="Ada", email="ada@example.com", password="seven turtles dance", org_name="Acme")
    found = KEY.search(visitor.html)
    assert found is not None
    return Explorer(visitor, found[0], int(time.time() * 1000) - 1_000)
