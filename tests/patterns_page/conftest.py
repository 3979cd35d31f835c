"""Somebody who looks at patterns, without JavaScript, at a clock that the tests turn."""

import re
from dataclasses import dataclass

import pytest

from chalicelib.web import request
from tests.explorer.conftest import PROJECT, Explorer, explorer
from tests.pages.visitor import Visitor

__all__ = ["PATTERNS", "Looking", "explorer", "looking"]

PATTERNS = f"{PROJECT}/patterns"


@dataclass
class Looking:
    at: Explorer
    now: int
    """In milliseconds: what time it is for the product, from the first look on."""

    @property
    def visitor(self) -> Visitor:
        return self.at.visitor

    def sends(self, *messages: str, level: str = "info", service: str = "api", ago: int = 1_000) -> None:
        """Stores messages that happened so many milliseconds ago."""
        at = self.now - ago
        self.at.sends(*({"timestamp": at, "message": each, "level": level, "service": service} for each in messages))

    def opens(self, query: str = "") -> str:
        return self.at.opens(query if query.startswith("/") else f"{PATTERNS}{query}")

    @property
    def rows(self) -> list[str]:
        """The patterns that are listed, as they are shown, their chips in brackets."""
        rows = re.findall(r'<tr id="p-.*?</tr>', self.visitor.html, re.DOTALL)
        shown = [re.search(r"<a [^>]*><bdi>(.*?)</bdi></a><span class=\"acts\">", row, re.DOTALL) for row in rows]
        return [re.sub(r"<var>(.*?)</var>", r"[\1]", found[1]) for found in shown if found]

    def cell(self, number: int) -> list[str]:
        """The text of a column, row by row."""
        rows = re.findall(r'<tr id="p-.*?</tr>', self.visitor.html, re.DOTALL)
        return [re.sub(r"<[^>]*>", " ", re.findall(r"<td.*?</td>", row, re.DOTALL)[number]).strip() for row in rows]

    def flags(self) -> list[str]:
        return [each.text for each in self.visitor.page.all("span") if "flag" in each.attributes.get("class", "")]

    def opened(self) -> None:
        """Opens the first row."""
        self.opens(self.first('href="([^"#]+)#p-'))

    def first(self, pattern: str) -> str:
        import html

        found = re.search(pattern, self.visitor.html)
        assert found, self.visitor.html
        return html.unescape(found[1])


@pytest.fixture
def looking(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> Looking:
    somebody = Looking(explorer, explorer.now)
    monkeypatch.setattr(request, "clock", lambda: somebody.now * 1_000_000)
    return somebody
