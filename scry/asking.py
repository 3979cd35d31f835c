"""Asks a project's logs over the query API; every answer is checked before anything of it is shown."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from scry.delivery import refusal
from scry.errors import QueryRefused, Refused
from scry.patience import Patience
from scry.terminal import caret, harmless
from scry.transport import Answer, Connection

PAGE: Final = 1_000
"""The most rows that the server gives at once."""

Parameters = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Project:
    """One project of one server, with a key that may read it."""

    connection: Connection
    key: Callable[[], str]
    org: str
    project: str
    patience: Patience
    renew: Callable[[], bool] = lambda: False
    """Called when the key works no more: whether there is another one now."""

    def ask(self, what: str, parameters: Parameters) -> dict[str, Any]:
        """The answer of `/logs{what}`: see `said`."""
        return self.said(f"/logs{what}", parameters)

    def said(self, what: str, parameters: Parameters) -> dict[str, Any]:
        """The answer of `{what}` of the project; parameters without a value are left out.

        Raises `QueryRefused` with a mark under the query, `Refused`, or `Unreachable`.
        """
        given = {name: value for name, value in parameters.items() if value not in (None, "")}
        path = f"/api/orgs/{quote(self.org, safe='')}/projects/{quote(self.project, safe='')}{what}"
        target = f"{path}?{urlencode(given)}" if given else path
        answer = self._answer(target)
        if answer.status == 401 and self.renew():
            answer = self._answer(target)
        said = answer.object()
        if answer.status == 200 and said is not None:
            return said
        if answer.status == 400 and said is not None:
            raise QueryRefused(query_error(str(parameters.get("q") or ""), said))
        if answer.status == 404:
            message = f"There is no project {self.org}/{self.project} that this key may read."
            raise Refused(message, status=404)
        raise refusal(answer, what="a query key (SCRY_QUERY_KEY)")

    def _answer(self, target: str) -> Answer:
        return self.patience.until_answered(lambda: self.connection.request("GET", target, key=self.key()))

    def search(self, parameters: Parameters, *, limit: int) -> Iterator["Page"]:
        """Pages of at most `limit` events together, as they come, each led to by the cursor of the one before."""
        left, cursor = limit, None
        while left > 0:
            said = self.ask("", {**parameters, "limit": min(left, PAGE), "cursor": cursor})
            cursor = _text_or_none(said.get("next_cursor"))
            page = Page(objects(said, "data")[:left], more=cursor is not None, partial=bool(said.get("partial")))
            yield page
            left -= len(page.events)
            if cursor is None:
                return


@dataclass(frozen=True, slots=True)
class Page:
    """Some events of an answer. `partial`: the server stopped before it had read all it should."""

    events: list[dict[str, Any]]
    more: bool
    partial: bool


@dataclass(frozen=True, slots=True)
class Poll:
    """What came since the last poll, how much of it was left out, and where the next one goes on."""

    events: list[dict[str, Any]]
    skipped: int
    cursor: str


def poll(project: Project, query: str, cursor: str) -> Poll:
    """The events after that cursor; without one, where to begin."""
    said = project.ask("/tail", {"q": query, "cursor": cursor})
    skipped = said.get("skipped", 0)
    return Poll(
        objects(said, "data"),
        skipped if isinstance(skipped, int) else 0,
        _text_or_none(said.get("cursor")) or cursor,
    )


def groups(said: dict[str, Any]) -> list[tuple[dict[str, Any], float]]:
    """(key, value) of each group of an aggregate; a value that is no number is 0."""
    found = []
    for group in objects(said, "groups"):
        key, value = group.get("key"), group.get("value")
        found.append((key if isinstance(key, dict) else {}, value if isinstance(value, int | float) else 0))
    return found


def series(said: dict[str, Any]) -> list[tuple[int, dict[str, int]]]:
    """(milliseconds, counts by level) of each bucket of a timeline."""
    found = []
    for bucket in objects(said, "series"):
        at, counts = bucket.get("t"), bucket.get("counts")
        if isinstance(at, int) and isinstance(counts, dict):
            found.append((at, {str(level): n for level, n in counts.items() if isinstance(n, int)}))
    return found


def query_error(query: str, said: dict[str, Any]) -> str:
    """The server's complaint, the query with a mark at the place, and what it suggests unless it said so already."""
    detail = harmless(str(said.get("detail") or said.get("title") or "The query was not understood."))
    position, length = said.get("position"), said.get("length")
    if not isinstance(position, int):
        return detail
    parts = [detail, caret(query, position, length if isinstance(length, int) else 1)]
    suggestion = said.get("suggestion")
    if suggestion and "did you mean" not in detail:
        parts.append(f"  did you mean {harmless(str(suggestion))}?")
    return "\n".join(parts)


def objects(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of an answer. Raises `Refused` where there is none."""
    found = said.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Refused(f"The answer has no list {name!r}. Is the URL right?", status=200)
    return found


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
