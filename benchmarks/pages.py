"""What people look at: the CPU of making a page, what its first visit weighs, and what the explorer reads for it.

A page's floor is a bare table of the same rows from a compiled template that escapes them, and JSON of them. The
explorer's are the newest hundred of the million events; patterns and keys are samples of the project's own.
"""

import gzip
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import jinja2
import msgspec
from msgspec.structs import replace

from benchmarks.charges import Charges
from benchmarks.figures import Beside, Figure, Goal
from benchmarks.laboratory import cpu_seconds, soon
from benchmarks.million import Million
from benchmarks.run import Run
from benchmarks.scan import MATCHING
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.ids import HOUR_MS
from chalicelib.routes.pages.explore.answered import Question, page
from chalicelib.routes.pages.explore.asked import Asked
from chalicelib.routes.pages.explore.found import Found, Read, looked
from chalicelib.routes.pages.views.projects import Keys
from chalicelib.web.templates import View, document, static_files
from infra.preview import SAMPLES
from infra.preview import patterns as sample_patterns
from infra.preview import projects as sample_projects
from infra.preview.events import PLACE
from infra.preview.frames import AT_PROJECT

ROWS: Final = 100
PATTERNS: Final = 40
KEPT: Final = 20
"""Keys of a project."""
TIMES: Final = 10
"""A page is made so often for one measurement."""

KB: Final = 1024
CLOSE_TO_SHOWN: Final = 1.05

BARE: Final = """\
<table>{% for row in rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>"""

Cells = Sequence[tuple[Any, ...]]


def measure(run: Run) -> Iterator[Figure]:
    million, repeats = run.million, run.scale.repeats
    found = _looked(million)
    rows: Cells = [(row.timestamp, row.level, row.service, row.message) for row in found.page.data]
    yield _cpu(f"the explorer, {ROWS} rows", lambda: _explorer(million, found), rows, found.page.data, repeats)
    listed = sample_patterns.listed(PATTERNS)
    rows = [(each.count, each.share, each.first_seen_ms, each.last_seen_ms, each.template) for each in listed]
    yield _cpu(f"patterns, {PATTERNS}", lambda: sample_patterns.patterns(listed), rows, listed, repeats)
    keys = _keys()
    rows = [(key.label, key.prefix, key.use, key.made, key.by, key.used) for key in keys.keys]
    yield _cpu(f"keys, {KEPT}", lambda: keys, rows, keys.keys, repeats)
    yield from _weights(document(_explorer(million, found), AT_PROJECT))
    yield from _reading(million, "")
    yield from _reading(million, MATCHING)


def _cpu(name: str, view: Callable[[], View], rows: Cells, told: object, repeats: int) -> Figure:
    bare = jinja2.Environment(autoescape=True).from_string(BARE)
    return Figure(
        name=f"CPU of the page of {name}",
        value=_milliseconds(lambda: document(view(), AT_PROJECT), repeats),
        unit="ms",
        beside=(
            Beside("a bare table of its rows", _milliseconds(lambda: bare.render(rows=rows).encode(), repeats)),
            Beside("JSON of its rows", _milliseconds(lambda: msgspec.json.encode(told), repeats)),
        ),
    )


def _milliseconds(act: Callable[[], object], repeats: int) -> float:
    def several() -> None:
        for _ in range(TIMES):
            act()

    several()  # the first one compiles what is kept
    return min(cpu_seconds(several) for _ in range(repeats)) / TIMES * 1000


def _weights(html: bytes) -> Iterator[Figure]:
    files = static_files().values()
    style = b"".join(file.content for file in files if file.name.endswith(".css"))
    scripts = [file.content for file in files if file.name.endswith(".js")]
    yield _weight(f"the explorer's HTML, {ROWS} rows, gzip", _packed(html), Beside("as it travels", len(html) / KB), 14)
    yield _weight("the stylesheet, gzip", _packed(style), Beside("as it is", len(style) / KB), 10)
    yield _weight(
        "all scripts of our own", sum(map(len, scripts)) / KB, Beside("each with gzip", sum(map(_packed, scripts))), 12
    )


def _weight(name: str, value: float, beside: Beside, limit: float) -> Figure:
    return Figure(name=name, value=value, unit="KB", beside=(beside,), goal=Goal("at most", limit))


def _packed(content: bytes) -> float:
    return len(gzip.compress(content, 9, mtime=0)) / KB


def _reading(million: Million, query: str) -> Iterator[Figure]:
    """What the first page reads. It shows all blocks of its range: the histogram counts every event in them."""
    with million.project.charging() as charges:
        found = _looked(million, query)
    shown = sum(block.header.last >= found.page.start for block in map(million.opened, million.blocks))
    yield Figure(
        name=f"items read for the explorer's hour{_with(query)}",
        value=charges.items_read,
        unit="items",
        beside=(Beside("blocks that it shows", shown), Beside("all blocks", len(million.blocks))),
        goal=Goal("at most", CLOSE_TO_SHOWN, of="ratio"),
    )
    yield from _cost(million, query, charges)


def _cost(million: Million, query: str, charges: Charges) -> Iterator[Figure]:
    yield Figure(name=f"  requests to DynamoDB{_with(query)}", value=charges.requests, unit="")
    yield Figure(name=f"  read units{_with(query)}", value=charges.read_units, unit="units")
    milliseconds = cpu_seconds(lambda: _looked(million, query)) * 1000
    yield Figure(name=f"  CPU of finding it{_with(query)}", value=milliseconds, unit="ms")


def _with(query: str) -> str:
    return ", a text in it" if query else ""


def _last_hour(million: Million) -> TimeRange:
    return TimeRange(million.last_ms + 1 - HOUR_MS, million.last_ms + 1)


def _looked(million: Million, query: str = "") -> Found:
    within = _last_hour(million)
    read = Read(million.project.scope, parse(query), within, within.end, soon())
    return looked(read, limit=ROWS, order="desc", cursor=None)


def _explorer(million: Million, found: Found) -> View:
    within = _last_hour(million)
    return page(replace(PLACE, now_ms=within.end), Question(asked=Asked(), within=within), found)


def _keys() -> Keys:
    view, _ = SAMPLES["keys"]
    assert isinstance(view, Keys)
    return replace(view, keys=(sample_projects.KEYS * KEPT)[:KEPT])
