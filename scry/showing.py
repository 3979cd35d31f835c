"""`scry search`, `tail`, `count` and `timeline`: answers, for people and for programs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from scry.asking import Project, groups, poll, series
from scry.errors import Unreachable
from scry.terminal import Paint, bar, event_line, harmless, is_terminal, json_text, time_text, width

POLL_EVERY: Final = 2.0
BAR_COLUMNS: Final = 40
LEVELS: Final = ("debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True, slots=True)
class Output:
    """Answers go to `out`, remarks on them to `err`, so that a pipe gets answers only."""

    out: TextIO
    err: TextIO
    as_json: bool = False
    fields: tuple[str, ...] = ()

    def events(self, events: Sequence[dict[str, Any]]) -> None:
        paint = Paint(is_terminal(self.out))
        for event in events:
            self.line(self.json(event) if self.as_json else event_line(event, paint, self.fields))
        self.out.flush()

    def json(self, value: Any) -> str:
        return json_text(value, ascii_only=is_terminal(self.out))

    def line(self, text: str) -> None:
        # errors="replace" of the stream would hide it: what it cannot encode is written as an escape.
        encoding = self.out.encoding or "utf-8"
        self.out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")

    def remark(self, text: str) -> None:
        self.err.write(f"{text}\n")
        self.err.flush()


def search(project: Project, output: Output, parameters: dict[str, str | int | None], *, limit: int) -> int:
    """Prints up to `limit` events, page by page. Says what the answer does not cover. Returns how many there were."""
    shown, page = 0, None
    for page in project.search(parameters, limit=limit):
        output.events(page.events)
        shown += len(page.events)
    if page is not None and page.partial and not page.more:
        output.remark("partial: the server stopped before the end of the range; narrow the query or the time")
    elif page is not None and page.more:
        output.remark(f"{shown:,} shown, and there are more (--limit)")
    elif not shown:
        output.remark("no events match in this range")
    return shown


def tail(project: Project, output: Output, query: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Prints events as they arrive, each once, until interrupted. A server that is away is waited for."""
    cursor = ""
    while True:
        try:
            news = poll(project, query, cursor)
        except Unreachable as error:
            output.remark(f"{error}; still waiting")
        else:
            output.events(news.events)
            if news.skipped:
                output.remark(f"… {news.skipped:,} more came at once and are not shown")
            cursor = news.cursor
        sleep(POLL_EVERY)


def count(project: Project, output: Output, parameters: dict[str, str | int | None]) -> None:
    """Prints the number of matching events, or a table of them by the fields asked for."""
    said = project.ask("/aggregate", parameters)
    if output.as_json:
        output.line(output.json(said))
        return
    found = sorted(groups(said), key=lambda group: -group[1])
    names = tuple(str(parameters.get("by") or "").split(",")) if parameters.get("by") else ()
    if not names:
        output.line(_number(sum(value for _, value in found)))
    for row in table(found, names, Paint(is_terminal(output.out))):
        output.line(row)
    _say_if_partial(said, output)


def timeline(project: Project, output: Output, parameters: dict[str, str | int | None]) -> None:
    """Prints a bar for each stretch of time, with the counts by level beside it."""
    said = project.ask("/timeline", parameters)
    if output.as_json:
        output.line(output.json(said))
        return
    buckets = series(said)
    largest = max((sum(counts.values()) for _, counts in buckets), default=0)
    paint = Paint(is_terminal(output.out))
    for at, counts in buckets:
        total = sum(counts.values())
        worst = next((level for level in reversed(LEVELS) if counts.get(level)), "")
        levels = "  ".join(f"{harmless(level)} {n:,}" for level, n in counts.items() if n)
        drawn = paint(f"{bar(total, largest, BAR_COLUMNS):<{BAR_COLUMNS}}", worst)
        output.line(f"{paint(time_text(at)[:16], 'dim')}  {total:>9,}  {drawn}  {levels}".rstrip())
    _say_if_partial(said, output)


def table(found: Sequence[tuple[dict[str, Any], float]], names: Sequence[str], paint: Paint) -> list[str]:
    """One row a group: its key, its value, and a bar. No rows without names to group by."""
    if not names:
        return []
    keys = [[_cell(key.get(name)) for name in names] for key, _ in found]
    widths = [max((width(row[at]) for row in keys), default=0) for at in range(len(names))]
    largest = max((value for _, value in found), default=0)
    numbers = [_number(value) for _, value in found]
    number_width = max((len(number) for number in numbers), default=0)
    rows = []
    for row, number, (key, value) in zip(keys, numbers, found, strict=True):
        cells = "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True))
        drawn = paint(bar(value, largest, BAR_COLUMNS), str(key.get("level")))
        rows.append(f"{cells}  {number:>{number_width}}  {drawn}")
    return [row.rstrip() for row in rows]


def _cell(value: Any) -> str:
    return "–" if value in (None, "") else harmless(value if isinstance(value, str) else json_text(value))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _say_if_partial(said: dict[str, Any], output: Output) -> None:
    if said.get("partial"):
        output.remark("partial: the server stopped before the end of the range; the true numbers are larger")
