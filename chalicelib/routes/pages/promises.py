"""The numbered promises as pages show them, read from the list that the tests answer to."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from chalicelib.routes.pages.views.start import Group, Promise

_HEADING: Final = re.compile(r"^## (.+)$")
_PROMISE: Final = re.compile(r"^- \*\*([A-Z]\d+)\*\* (.+)$")
_MARKS: Final = re.compile(r"`|\*\*")

FIRST: Final = {
    "I1": "An event that was accepted is found until its retention ends.",
    "W4": "A batch that is sent again is stored once, however often and however late.",
    "I3": "One bad event never sinks a batch: each is accepted, a duplicate, or rejected with its reason.",
    "I4": "No answer, error or log line carries another tenant's data.",
    "S25": "A key is shown once. What is stored is its hash.",
    "I11": "A partial answer says that it is partial, and where it stopped.",
    "S43": "No certification is claimed anywhere.",
}
"""Those that the first page names, in fewer words."""


@cache
def groups() -> tuple[Group, ...]:
    """All promises under their headings."""
    found: list[tuple[str, list[Promise]]] = []
    for line in (Path(__file__).parent / "promises.md").read_text().splitlines():
        if heading := _HEADING.match(line):
            found.append((heading[1], []))
        elif promise := _PROMISE.match(line):
            found[-1][1].append(Promise(promise[1], _MARKS.sub("", promise[2])))
    return tuple(Group(heading, tuple(promises)) for heading, promises in found)


def first() -> tuple[Promise, ...]:
    return tuple(Promise(number, words) for number, words in FIRST.items())


def count() -> int:
    return sum(len(group.promises) for group in groups())
