"""The samples as elements to ask about, and as attackers want them: with hostile text in every field."""

from html.parser import HTMLParser
from typing import Any

import msgspec

from app import app
from chalicelib.web.declaration import Declaration
from chalicelib.web.routing import declarations
from chalicelib.web.templates import Shell, View, document
from infra.preview import SAMPLES

HOSTILE = (
    "</p></textarea></title><script>alert(1)</script><img src=x onerror=alert(1)>"
    """'"`{{7*7}}${7*7}&amp;javascript:\x85"""
)
"""Ends elements, attributes and scripts of every quoting, and asks template languages to compute."""

KEPT = frozenset({"template", "theme", "path", "here", "invitations_at", "slug", "project", "keys", "id", "next"})
"""Fields that the product itself makes: paths and their parts, whose characters are limited where they are made."""


class Element:
    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attributes}>"


class Page(HTMLParser):
    """The elements of a document in their order, each with the text that stands directly in it."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "path", "source"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open, f"</{tag}> ends nothing"
            ended = self._open.pop()
            assert ended.tag == tag, f"</{tag}> ends {ended}"

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]


def page(name: str) -> Page:
    return Page(document(*SAMPLES[name]).decode())


def hostile(name: str) -> Page:
    """The sample with the same shape, and hostile text wherever people or programs could have put some."""
    view, shell = SAMPLES[name]
    return Page(document(_hostile(view), _hostile(shell)).decode())


def _hostile(value: Any, name: str = "") -> Any:
    match value:
        case View() | Shell() | msgspec.Struct():
            changed = {each: _hostile(getattr(value, each), each) for each in value.__struct_fields__}
            return msgspec.structs.replace(value, **changed)
        case str() if value and name not in KEPT:
            return f"{value}{HOSTILE}"
        case tuple() if name not in {"crumbs", "links"}:
            return tuple(_hostile(each, name) for each in value)
        case dict():
            return {key: _hostile(each, key) for key, each in value.items()}
        case _:
            return value


def declared() -> list[Declaration]:
    return declarations(app)
