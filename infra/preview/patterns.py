"""Sample pages of the patterns: made of sample patterns by the code that makes the real ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from chalicelib.events.patterns import fingerprint, pattern_id, phrase
from chalicelib.events.query.answers import Record, Understood
from chalicelib.events.query.budget import Scanned
from chalicelib.events.query.comparison import change_between
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import describe
from chalicelib.events.query.language import parse
from chalicelib.events.query.pattern_list import SPARK_HOURS, ListedPattern, PatternList
from chalicelib.events.query.times import TimeRange
from chalicelib.routes.pages.patterns.answered import Found, Known, Question, page, pattern_page
from chalicelib.routes.pages.patterns.asked import Asked
from chalicelib.routes.pages.views.patterns import Pattern, Patterns
from infra.preview.events import HOUR_MS, NOW_MS, PLACE, records
from infra.preview.frames import AT_PROJECT, HOME, SHOP, Samples

DAY_MS: Final = 24 * HOUR_MS
WITHIN: Final = TimeRange(NOW_MS - DAY_MS, NOW_MS)
WINDOW: Final = TimeRange(NOW_MS - 30 * DAY_MS, NOW_MS)
LISTED_AT: Final = replace(PLACE, crumbs=(HOME, SHOP))
ADA: Final = "3f9c2a3f9c2a3f9c"

_SAID: Final = (
    ("info", "api", "GET /products/8812 200 12 ms cache=hit region=eu-central-1 instance=i-07f3 user=u_0932"),
    ("error", "checkout", "payment declined: card expired order=A-1042 amount=49.90 EUR provider=pay.example.net"),
    ("warn", "search", "slow query 812 ms: shards=14 q='winter boots' page=3 filters=size:42,colour:black,in-stock"),
    ("fatal", "worker", "out of memory: killed process 4211 (image-resize) total-vm:8123456kB, anon-rss:4012233kB"),
    ("debug", "cache", "miss product:8812:price:eur, 3 waiting, oldest 12 ms, store=redis-2 db=4 ttl=300"),
    ("info", "auth", "session started from 10.20.30.40 for ada@example.com after 2 tries"),
    ("error", "checkout", "Traceback (most recent call last): " + "frame in handler.py; " * 45),
    ("info", "mailer", 'order confirmation "Your order" sent with template v3.1.4, provider took 231 ms'),
    ("warn", "gateway", "upstream timed out after 30.0s: https://pay.example.net/v2/charges/ch_8812"),
    ("info", "worker", "4211 8 12.5"),
    ("error", "inventory", "deadlock detected on relation 16384, transaction 7731 rolled back"),
    ("info", "", ""),
)


def listed(count: int) -> list[ListedPattern]:
    """So many patterns, of which the first few are the samples and the others differ in a word."""
    made = [_listed(number) for number in range(count)]
    events = sum(each.count for each in made)
    return sorted((replace(each, share=each.count / events) for each in made), key=lambda each: -each.count)


def _listed(number: int) -> ListedPattern:
    level, service, message = _SAID[number % len(_SAID)]
    if number >= len(_SAID):
        message = f"step {_WORDS[number % 7]} of {_WORDS[number % 5]} {_WORDS[number % 11]}: {message}"
    count = 80_000 // (number + 1) ** 2 + number % 5 + 1
    before = (count, count // 3, 0, count * 3, count)[number % 5]
    resolved = number in {1, 4}
    template = fingerprint(message)
    spark = [count * (at * (number + 5) % 13) // 160 for at in range(SPARK_HOURS)]
    levels = {level: count} if level == "info" else {"info": count - count // 9, level: count // 9 or 1}
    return ListedPattern(
        id=pattern_id(template).hex(), template=template, sample=message, count=count, share=0.0, before=before,
        change=change_between(before, count), levels=levels,
        services={service: count - count // 5, "edge": count // 5} if service else {},
        first_seen_ms=NOW_MS - (number * 37 % 29 + 1) * 7 * HOUR_MS, last_seen_ms=NOW_MS - number * 49_000,
        new=number % 5 == 2, rising=number % 5 == 1,
        state="regressed" if number == 1 else "resolved" if resolved else "open",
        resolved_at=NOW_MS - 26 * HOUR_MS if resolved else None, resolved_by=ADA if resolved else "",
        note="provider raised its limit, retries are back" if resolved else "", spark=spark,
        find=phrase(template, message),
    )  # fmt: skip


_WORDS: Final = (
    "import", "export", "reindex", "settle", "refund", "notify", "archive", "verify", "resize", "publish", "retry",
)  # fmt: skip


def patterns(found: Sequence[ListedPattern], *, newest: Record | None = None, other: int = 0, **asked: Any) -> Patterns:
    """The page that answers these parameters with these patterns."""
    given = Asked(**asked)
    question = Question(asked=given, typed=given, within=WITHIN)
    try:
        question = replace(question, expression=parse(given.q))
    except QueryError as fault:
        return page(LISTED_AT, replace(question, fault=fault), None)
    answer = PatternList(
        partial=bool(other), reached=NOW_MS - 9 * HOUR_MS if other else None,
        query=Understood(describe(question.expression)), start=WITHIN.start, end=WITHIN.end,
        scanned=Scanned(4, 4_000, 90_000), events=sum(each.count for each in found), other=other, patterns=list(found),
    )  # fmt: skip
    known = Known(who="Ada Lovelace", back="It came back 412 times since it was resolved.", may_write=True)
    opened = any(each.id == given.open for each in found)
    return page(LISTED_AT, question, Found(list=answer, seconds=0.031, newest=newest, open=known if opened else None))


def one(pattern: ListedPattern, known: Known) -> Pattern:
    place = replace(LISTED_AT, crumbs=(*LISTED_AT.crumbs, ("Patterns", f"{PLACE.path}/patterns")))
    return pattern_page(place, pattern, known, window=WINDOW)


MANY: Final = listed(42)
FEW: Final = listed(12)

PAGES: Final[Mapping[str, Patterns | Pattern]] = {
    "patterns": patterns(MANY, sort="count"),
    "patterns-open": patterns(FEW, q="level>=info", open=FEW[1].id, other=1_200),
    "patterns-new": patterns(FEW, only="new", sort="new"),
    "patterns-none-new": patterns([each for each in FEW if not each.new], only="new"),
    "patterns-nothing": patterns([], newest=records(1)[0]),
    "patterns-empty": patterns([]),
    "patterns-wrong": patterns([], q="servce:api timeout"),
    "pattern": one(
        FEW[1], Known(who="Ada Lovelace", back="It came back 412 times since it was resolved.", may_write=True)
    ),
    "pattern-open": one(FEW[0], Known(may_write=True)),
}

SAMPLES: Final[Samples] = {name: (view, replace(AT_PROJECT, path=view.here)) for name, view in PAGES.items()}
