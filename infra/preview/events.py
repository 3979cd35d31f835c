"""Sample pages of the explorer: made of sample events by the code that makes the real ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from chalicelib.events.query.answers import Context, Page, Record, Understood
from chalicelib.events.query.budget import Scanned
from chalicelib.events.query.counts import Bucket, Facet, TimelineAnswer
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import describe
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store.deploys import Deploy, Release
from chalicelib.routes.pages.explore import trace_list
from chalicelib.routes.pages.explore import traces as trace_lists
from chalicelib.routes.pages.explore.answered import Place, Question, page
from chalicelib.routes.pages.explore.asked import Asked
from chalicelib.routes.pages.explore.beside import event_page, trace_page
from chalicelib.routes.pages.explore.columns import columns_in
from chalicelib.routes.pages.explore.found import Found, Values
from chalicelib.routes.pages.explore.tracing import Traced, steps
from chalicelib.routes.pages.views.explore import Event, Explore, Trace, Traces
from chalicelib.storage.audit import SYSTEM
from infra.preview.frames import AT_PROJECT, Samples

NOW_MS: Final = 1_795_468_560_000
HOUR_MS: Final = 3_600_000
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"

PLACE: Final = Place(
    crumbs=(("Acme", "/orgs/acme"),), org="acme", project="shop", name="Web shop",
    url="https://scry.example.com", now_ms=NOW_MS,
)  # fmt: skip

DEPLOYS: Final = tuple(
    Deploy(f"01a0e1f5c2e80000000{number}", NOW_MS - back, Release(version, "checkout", "production"), SYSTEM, NOW_MS)
    for number, (version, back) in enumerate((("v1.4.2", 1_790_000), ("v1.4.3", 610_000), ("v1.4.2", 604_000)))
)

_SAID: Final = (
    ("error", "checkout", "payment declined: card expired order=A-1042 amount=49.90 EUR provider=pay.example.net"),
    ("info", "api", "POST /cart/checkout 402 81 ms user=u_5521 region=eu-central-1 instance=i-07f3"),
    ("warn", "search", "slow query 812 ms: shards=14 q='winter boots' page=3 filters=size:42,colour:black,in-stock"),
    ("info", "api", "GET /products/8812 200 12 ms cache=hit region=eu-central-1 instance=i-07f3 user=u_0932"),
    ("fatal", "worker", "out of memory: killed process 4211 (image-resize) total-vm:8123456kB, anon-rss:4012233kB"),
    ("debug", "cache", "miss product:8812:price:eur, 3 waiting, oldest 12 ms, store=redis-2 db=4 ttl=300"),
    ("info", "auth", "session started user=u_5521 device=ios version=8.4.1 method=password factor=totp country=AT"),
    ("error", "checkout", "Traceback (most recent call last): " + "frame in handler.py; " * 45),
    ("info", "mailer", "order confirmation sent order=A-1041 template=order_placed_v3 provider=ses took 231 ms"),
)


def records(count: int) -> list[Record]:
    """So many events, newest first, of which no two are the same."""
    return [_record(number) for number in range(count)]


def _record(number: int) -> Record:
    level, service, message = _SAID[number % len(_SAID)]
    at = NOW_MS - 1_204 - number * 7_919
    return Record(
        id=f"{'aacvq6' + format(number * 2_654_435_761 % 2**70, 'x'):a<34}"[:34], timestamp=at,
        received_at=at + 340 + number % 5 * 900, level=level, type="custom",
        message=f"{message} request={number * 48_271 % 65_521:x}", service=service, environment="production",
        trace_id=TRACE if number % 3 else "",
        metadata={
            "region": ("eu-central-1", "eu-west-1")[number % 2],
            "http": {"status": (200, 402, 500)[number % 3], "path": "/cart/checkout"}, "attempt": number % 4,
            "tags": ["slow", "retried"] if number % 4 == 2 else [],
        },
    )  # fmt: skip


def explore(rows: Sequence[Record], **asked: Any) -> Explore:
    """The page that answers these parameters with these rows."""
    given = Asked(**asked)
    within = TimeRange(NOW_MS - HOUR_MS, NOW_MS)
    try:
        expression = parse(given.q)
    except QueryError as fault:
        return page(PLACE, Question(asked=given, within=within, fault=fault), None)
    columns, _ = columns_in(given.columns)
    question = Question(asked=given, within=within, expression=expression, columns=columns)
    answer = Page(
        data=list(rows), next_cursor="aGVyZQ" * 30 if len(rows) > 50 else None, partial=False,
        query=Understood(describe(expression)), start=within.start, end=within.end, scanned=Scanned(4, 4_000, 90_000),
    )  # fmt: skip
    found = Found(
        page=answer, histogram=line(within, 12 if rows else 0), values=_values(rows), values_of_all=False,
        seconds=0.084, deploys=DEPLOYS if rows else (), follow="bGl2ZQ" * 9 if given.live else "",
    )  # fmt: skip
    return page(PLACE, question, found)


def line(within: TimeRange, busy: int) -> TimelineAnswer:
    """Counts for every minute, with trouble in the second half."""
    start = within.start // 60_000 * 60_000
    series = [Bucket(start + minute * 60_000, _counts(minute, busy)) for minute in range(61)]
    return TimelineAnswer(
        bucket_ms=60_000, series=series, partial=False, reached=None, query=Understood("*"), start=within.start,
        end=within.end, scanned=Scanned(),
    )  # fmt: skip


def _counts(minute: int, busy: int) -> dict[str, int]:
    trouble = busy if 31 <= minute <= 37 else 0
    steady = {"debug": busy * 3, "info": busy * (12 + minute * 7 % 5)}
    counts = {**steady, "warn": minute % 3 + trouble * 4, "error": trouble * 3}
    return {level: count for level, count in counts.items() if count} if busy else {}


def _values(rows: Sequence[Record]) -> tuple[Values, ...]:
    if not rows:
        return ()
    services = ("api", "search", "checkout", "worker", "auth")
    return (
        Values("level", (Facet("info", 9_120), Facet("error", 252)), 12_400),
        Values("service", tuple(Facet(name, 4_200 - 371 * at) for at, name in enumerate(services)), 12_400),
        Values("environment", (Facet("production", 12_400),), 12_400),
        Values("metadata.http.status", (Facet("200", 34), Facet("402", 33), Facet("500", 33)), 100),
        Values("metadata.region", (Facet("eu-central-1", 50), Facet("eu-west-1", 50)), 100),
    )


def event() -> Event:
    found = records(9)
    return event_page(PLACE, Context(found[4], found[:4], found[5:], partial=False), around=4, same="all", wrong="")


def trace(count: int) -> Trace:
    spans = ("00f067aa0ba902b7", "b7ad6b7169203331", "53995c3f42cd8ad8")
    found = []
    for at, each in enumerate(reversed(records(count))):
        called = {"parent_span_id": spans[at % 3 - 1]} if at % 3 else {}
        found.append(replace(each, trace_id=TRACE, span_id=spans[at % 3], metadata=called))
    within = TimeRange(NOW_MS - HOUR_MS, NOW_MS)
    return trace_page(PLACE, TRACE, Traced(steps(found), partial=False, within=within), wrong="")


def traces(rows: Sequence[Record], **asked: Any) -> Traces:
    """The list of the traces of these events, three events each."""
    given = trace_lists.Asked(**asked)
    within = TimeRange(NOW_MS - HOUR_MS, NOW_MS)
    question = trace_list.Question(asked=given, within=within)
    try:
        question = replace(question, expression=parse(given.q))
    except QueryError as fault:
        question = replace(question, fault=fault)
    named = [replace(each, trace_id=f"{at // 3 * 2_654_435_761 % 2**64:032x}") for at, each in enumerate(rows)]
    answer = Page(
        data=named, next_cursor="aGVyZQ" if rows else None, partial=False, query=Understood("*"), start=within.start,
        end=within.end, scanned=Scanned(4, 4_000, 90_000),
    )  # fmt: skip
    found = trace_lists.Found(page=answer, traces=trace_lists.met(named), seconds=0.031)
    project = f"/orgs/{PLACE.org}/projects/{PLACE.project}"
    crumbs = (*PLACE.crumbs, (PLACE.name, project))
    return trace_list.page(crumbs, project, question, None if question.fault else found, NOW_MS)


ROWS: Final = tuple(records(100))

PAGES: Final[Mapping[str, Explore | Event | Trace | Traces]] = {
    "explore": explore(ROWS, q="level>=debug"),
    "explore-open": explore(
        ROWS[:20], q="payment service:checkout", columns="environment,metadata.http.status", open=ROWS[2].id
    ),
    "explore-live": explore(ROWS, q="payment", columns="metadata.http.status", live=1),
    "explore-live-empty": explore((), live=1),
    "explore-copied": explore(ROWS[:20], copy="assistant"),
    "explore-empty": explore(()),
    "explore-nothing": explore((), q="level:fatal"),
    "explore-wrong": explore((), q="servce:api timeout"),
    "event": event(),
    "traces": traces(ROWS, q="level>=debug"),
    "traces-empty": traces(()),
    "traces-wrong": traces((), q="servce:api"),
    "trace": trace(12),
    "trace-empty": trace(0),
}

SAMPLES: Final[Samples] = {name: (view, replace(AT_PROJECT, path=view.here)) for name, view in PAGES.items()}
