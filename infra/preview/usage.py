"""Sample pages of usage and status: made of sample answers by the code that makes the real ones."""

from datetime import date, timedelta
from typing import Final

from msgspec.structs import replace

from chalicelib.events.query.counts import Facet
from chalicelib.events.query.usage import Lag, Services
from chalicelib.ids import DAY_MS
from chalicelib.routes.pages import status as status_page
from chalicelib.routes.pages.usage import Place, page
from chalicelib.routes.pages.views.forms import Form
from chalicelib.routes.status import Status
from chalicelib.routes.usage import ADVICE, AllowanceUsage, KeyUsage, ReasonUsage, UsageAnswer, UsageDay, UsageTotal
from infra.preview.frames import AT_PROJECT, HOME, NOW, SHOP, URL, VISITOR, Samples

NOW_MS: Final = NOW * 1000
LAST: Final = date(2026, 11, 24)
PLACE: Final = Place((HOME, SHOP), "/orgs/acme/projects/shop", URL)
HERE: Final = replace(AT_PROJECT, path="/orgs/acme/projects/shop/usage")


def answer(days: int) -> UsageAnswer:
    """Of so many days, a weekend quieter than the week, with trouble in the middle."""
    found = [_day(at, LAST - timedelta(days=days - 1 - at)) for at in range(days)]
    levels = {name: sum(day.levels.get(name, 0) for day in found) for name in ("fatal", "error", "warn", "info")}
    total = UsageTotal(
        events=sum(levels.values()), levels=levels, bytes=sum(day.bytes for day in found), exact=False,
        accepted=sum(day.accepted for day in found), duplicates=1_240, rejected=612,
        sent_bytes=sum(day.sent_bytes for day in found),
    )  # fmt: skip
    return replace(
        EMPTY, start=found[0].day, total=total, days=found, indexed_until=NOW_MS - 2 * 3_600_000,
        counted_since=NOW_MS - 40 * 60_000, lag=Lag(840, 94_000, 1_024),
        services=Services([Facet("api", 31_204), Facet("checkout", 8_310), Facet("mail", 207)], 39_762),
        keys=[
            KeyUsage(
                key="3fQ9Zk2L", label="checkout, production", accepted=3_240_118, duplicates=1_240, rejected=38,
                sent_bytes=1_620_000_000,
            ),
            KeyUsage(key="b7Tn0QxE", label=None, accepted=87_004, duplicates=0, rejected=574, sent_bytes=43_000_000),
        ],
        rejections=[ReasonUsage(each, count, ADVICE[each]) for each, count in (("too_old", 574), ("too_large", 38))],
    )  # fmt: skip


def _day(at: int, day: date) -> UsageDay:
    busy = (38_000 if day.weekday() > 4 else 126_000) + at * 811 % 9_000
    trouble = 14_000 if at in (12, 13) else 0
    levels = {"fatal": 2 + trouble // 4_000, "error": busy // 90 + trouble, "warn": busy // 31, "info": busy}
    events = sum(levels.values())
    return UsageDay(
        day=day.isoformat(), events=events, levels=levels, bytes=events * 41, exact=day < LAST, accepted=events,
        duplicates=at * 7 % 90, rejected=trouble // 50, sent_bytes=events * 503,
    )  # fmt: skip


_NONE: Final = UsageTotal(events=0, levels={}, bytes=0, exact=True, accepted=0, duplicates=0, rejected=0, sent_bytes=0)

EMPTY: Final = UsageAnswer(
    start="2026-10-26", end=LAST.isoformat(), retention_days=30, kept_from="2026-10-26", daily_allowance=None,
    today=None, total=_NONE, days=[], services=Services([], 0), keys=[], rejections=[], lag=None, as_of=NOW_MS,
    indexed_until=NOW_MS, counted_since=None,
)  # fmt: skip

WELL: Final = Status(
    status="ok", store="ok", upkeep="ok", oldest_work_seconds=8_100, watermark_seconds=14_400, version="0.1.0",
    checked_at=NOW_MS,
)  # fmt: skip

USUAL: Final = Form(values={"from": "2026-10-26", "to": LAST.isoformat()})

FULL: Final = replace(
    answer(30), daily_allowance=150_000,
    today=AllowanceUsage(150_000, 131_412, 120_000, 165_000, -(-NOW_MS // DAY_MS) * DAY_MS),
)  # fmt: skip

SAMPLES: Final[Samples] = {
    "usage-warned": (page(PLACE, FULL, USUAL), HERE),
    "usage": (page(PLACE, answer(30), USUAL), HERE),
    "usage-wrong": (
        page(PLACE, answer(7), Form(errors={"from": "`from` must be a day: `2026-11-24`."})),
        HERE,
    ),
    "usage-empty": (page(PLACE, EMPTY, USUAL), HERE),
    "status": (status_page.page(WELL), VISITOR),
    "status-degraded": (
        status_page.page(replace(WELL, status="degraded", upkeep="late", oldest_work_seconds=40_000)), VISITOR,
    ),
    "status-down": (
        status_page.page(
            Status(status="down", store="down", upkeep="unknown", version="0.1.0", checked_at=NOW_MS)
        ),
        VISITOR,
    ),
}  # fmt: skip
