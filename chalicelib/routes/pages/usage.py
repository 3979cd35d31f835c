"""The page on usage: what a project holds and was sent, drawn by day, and what to do about what was rejected."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from chalicelib import settings
from chalicelib.events.event import LEVELS
from chalicelib.events.query.expression import Equals, Exists, Expression, Not, any_of, describe
from chalicelib.events.store.allowances import Standing
from chalicelib.ids import DAY_MS
from chalicelib.routes import usage
from chalicelib.routes.pages.allowance import time_left, warning
from chalicelib.routes.pages.examples import NO_KEY, curl
from chalicelib.routes.pages.explore.wording import clock, length, many, visible
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import usage as views
from chalicelib.routes.pages.views.explore import Slice
from chalicelib.routes.pages.views.forms import Form
from chalicelib.routes.pages.views.usage import ReasonRow
from chalicelib.routes.usage import USAGE, KeyUsage, UsageAnswer, UsageDay
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

HEIGHT: Final = 96
ROOM: Final = 92
"""That the highest bar takes."""
STEP: Final = 8
LEAST: Final = 2.0
"""What is there must be seen, however much else there is."""

LONGEST_LINK: Final = 2_000
HEAVIEST_FIRST: Final = LEVELS[::-1]
PRESETS: Final = (7, 30, 90, 365)

routes = Routes(__name__, PAGE_PROBLEMS)


@routes.page(USAGE, permission=usage.READ)
def usage_page(request: Request, principal: PersonPrincipal) -> Answer:
    """What the project uses, by day, level, service and key."""
    form = Form(values={name: _date(request.query.get(name, "")) for name in ("from", "to")})
    today = request.now_ms // DAY_MS
    try:
        first, last = usage.days_of(request)
    except ParameterWrong as wrong:
        first, last = today - usage.USUAL_DAYS + 1, today
        at_field = wrong.parameter in form.values
        form = Form(
            values=form.values, errors={wrong.parameter: str(wrong)} if at_field else {},
            message="" if at_field else str(wrong),
        )  # fmt: skip
    else:
        form = Form(values={"from": usage.name_of(first), "to": usage.name_of(last)})
    found = usage.answered(request, principal, first, last)
    place = Place(at_project(principal), project_path(principal), settings.current().url)
    return shown(request, principal, page(place, found, form))


def _date(text: str) -> str:
    """What a field for dates can show: nothing of a text that is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


class Place:
    """Where the page is: the way up, the project's path, and the address to send events to."""

    def __init__(self, crumbs: tuple[tuple[str, str], ...], project: str, url: str) -> None:
        self.crumbs = crumbs
        self.project = project
        self.url = url


def page(place: Place, found: UsageAnswer, form: Form) -> views.Usage:
    """The page that shows this answer."""
    total = found.total
    nothing = not (total.events or total.accepted or total.duplicates or total.rejected)
    bare = views.Usage(
        crumbs=place.crumbs, here=f"{place.project}/usage", project=place.project, form=form,
        presets=_presets(found), twin=f"from={found.start}&to={found.end}", fresh=_fresh(found), window=_window(found),
        allowance=_allowance(found), warnings=_warnings(found), curl=curl(place.url, NO_KEY) if nothing else "",
    )  # fmt: skip
    if nothing:
        return bare
    highest = max(day.events for day in found.days)
    return replace(
        bare, figures=_figures(found), width=STEP * len(found.days),
        bars=tuple(_bar(at, day, highest) for at, day in enumerate(found.days) if day.events),
        days=tuple(_row(day) for day in reversed(found.days)), levels=_levels(found), services=_services(found),
        services_of=_services_of(found),
        keys=tuple(map(_key, found.keys or ())),
        reasons=tuple(ReasonRow(visible(each.reason), f"{each.count:,}", each.advice) for each in found.rejections),
    )  # fmt: skip


# --- the drawing and its table ----------------------------------------------------------------------------------------


def _bar(at: int, day: UsageDay, highest: int) -> views.DayBar:
    counts = ", ".join(f"{count:,} {level}" for level, count in day.levels.items())
    return views.DayBar(at * STEP, f"{_spoken(day.day)}: {counts}", _of_day(day.day), _slices(day.levels, highest))


def _slices(levels: Mapping[str, int], highest: int) -> tuple[Slice, ...]:
    """From the ground up, the heaviest first."""
    slices, top = [], float(HEIGHT)
    for level, count in levels.items():
        height = min(max(LEAST, count * ROOM / highest), top)
        top -= height
        slices.append(Slice(level, round(top, 1), round(height, 1)))
    return tuple(slices)


def _row(day: UsageDay) -> views.DayRow:
    return views.DayRow(
        day=_spoken(day.day), next=_of_day(day.day),
        counts=tuple(_some(day.levels.get(each)) for each in HEAVIEST_FIRST),
        stored=size(day.bytes) if day.bytes else "", accepted=_some(day.accepted),
        sent=size(day.sent_bytes) if day.sent_bytes else "", duplicates=_some(day.duplicates),
        rejected=_some(day.rejected), more="" if day.exact else "at least",
    )  # fmt: skip


def _of_day(day: str) -> str:
    return f"from={day}&to={date.fromisoformat(day) + timedelta(days=1)}"


def _spoken(day: str) -> str:
    return f"{date.fromisoformat(day):%a %-d %b}"


# --- what stands beside it --------------------------------------------------------------------------------------------


def _figures(found: UsageAnswer) -> tuple[views.Figure, ...]:
    total, least = found.total, "" if found.total.exact else "at least; "
    lag = found.lag
    return (
        views.Figure("Events stored", f"{total.events:,}", f"{least}by when they happened"),
        views.Figure("Stored bytes", size(total.bytes), _packed(found)),
        views.Figure("Bytes sent", size(total.sent_bytes), "at least; before compression"),
        views.Figure("Sent again", f"{total.duplicates:,}", "events, stored once nevertheless"),
        views.Figure("Rejected", f"{total.rejected:,}", "events; at least"),
        views.Figure("Came late by", length(lag.p50_ms) if lag else "–", _lateness(found)),
    )


def _packed(found: UsageAnswer) -> str:
    events = found.total.events
    return f"{found.total.bytes / events:,.0f} an event" if events else ""


def _lateness(found: UsageAnswer) -> str:
    lag = found.lag
    if lag is None:
        return "nothing came in the last hours"
    return f"half of the newest; at most {length(lag.max_ms // 1_000 * 1_000 or lag.max_ms)}"


def _levels(found: UsageAnswer) -> tuple[views.Part, ...]:
    total, within = found.total, f"from={found.start}&to=now"
    return tuple(
        _part(level, count, total.events, _asking(within, Equals("level", level)))
        for level, count in total.levels.items()
    )


def _services(found: UsageAnswer) -> tuple[views.Part, ...]:
    """The named ones, and those events whose service is not among them or who have none."""
    of, named, within = found.services.of, found.services.values, f"from={found.start}&to=now"
    parts = [
        _part(visible(each.value)[:80], each.count, of, _asking(within, Equals("service", each.value)))
        for each in named
    ]
    if rest := of - sum(each.count for each in named):
        without = Not(any_of([Equals("service", each.value) for each in named])) if named else Not(Exists("service"))
        parts.append(_part("others, or none", rest, of, _asking(within, without)))
    return tuple(parts)


def _services_of(found: UsageAnswer) -> str:
    if found.services.of >= found.total.events:
        return "Of all events of these days."
    return f"Of {many(found.services.of, 'event')}, mostly the newest: the services of the others were not looked at."


def _asking(within: str, for_: Expression) -> str:
    """The explorer's parameters; empty where a stranger's text would make them longer than addresses may be."""
    text = quote(describe(for_), safe="")
    return f"{within}&q={text}" if len(text) <= LONGEST_LINK else ""


def _part(name: str, count: int, of: int, next_: str) -> views.Part:
    share = count * 100 / of if of else 0.0
    return views.Part(name, f"{count:,}", f"{share:.0f} %" if share >= 1 else "under 1 %", next_)


def _key(each: KeyUsage) -> views.KeyRow:
    return views.KeyRow(
        id=each.key if each.label else "", label=each.label or "revoked", prefix=f"scry_ing_{each.key}",
        accepted=f"{each.accepted:,}", sent=size(each.sent_bytes), duplicates=f"{each.duplicates:,}",
        rejected=f"{each.rejected:,}",
    )  # fmt: skip


def _presets(found: UsageAnswer) -> tuple[views.Preset, ...]:
    last = date.fromisoformat(found.end)
    asked = (last - date.fromisoformat(found.start)).days + 1
    return tuple(
        views.Preset(f"{days} days", f"from={last - timedelta(days=days - 1)}&to={last}", days == asked)
        for days in PRESETS
    )


# --- what is said -----------------------------------------------------------------------------------------------------


def _fresh(found: UsageAnswer) -> tuple[str, ...]:
    """How far each kind of number can be trusted."""
    now = f"{clock(found.as_of)} UTC"
    if found.total.exact:
        stored = f"What is stored is exact, as of {now}."
    elif found.counted_since is None or not found.indexed_until:
        stored = f"What is stored is at least so much, as of {now}: not all of it has been counted yet."
    else:
        stored = (
            f"What is stored is exact up to {_at(found.indexed_until, found.as_of)}. Of what came since, the newest "
            f"was counted, back to {_at(found.counted_since, found.as_of)}."
        )
    return stored, (
        "What was sent is counted as it comes and added up every ten seconds: keys and rejections are at least so many."
    )


def _at(moment: int, now_ms: int) -> str:
    """`14:00 UTC`, and the day where it is another."""
    day = "" if moment // DAY_MS == now_ms // DAY_MS else f"{_spoken(usage.name_of(moment // DAY_MS))}, "
    return f"{day}{clock(moment)[:5]} UTC"


def _window(found: UsageAnswer) -> str:
    days = many(found.retention_days, "day")
    kept = f"{date.fromisoformat(found.kept_from):%-d %b %Y}"
    cut = f" Days before {kept} are not kept." if found.start < found.kept_from else ""
    return f"This project keeps events for {days}.{cut}"


def _allowance(found: UsageAnswer) -> str:
    standing = _standing(found)
    if standing is None:
        return "How many events it may be sent a day is not limited."
    return (
        f"Today {standing.used:,} of {many(standing.allowance, 'event')} were taken, {standing.percent} % of the "
        f"allowance. From {standing.warned_from:,} on its owners and admins are told. From {standing.refused_from:,} "
        "on, a tenth more than the allowance, events are refused with 429. It begins again at 00:00 UTC, in "
        f"{time_left(standing, now_ms=found.as_of)}."
    )


def _warnings(found: UsageAnswer) -> tuple[str, ...]:
    standing = _standing(found)
    return (warning(standing, now_ms=found.as_of),) if standing is not None and standing.warns else ()


def _standing(found: UsageAnswer) -> Standing | None:
    today = found.today
    return None if today is None else Standing(today.events, today.used, today.begins_again_at // DAY_MS - 1)


_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")


def size(count: int) -> str:
    """`840 bytes`, `1.2 MB`: thousands, as they are paid for."""
    amount, unit = float(count), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1_000, unit + 1
    return f"{amount:,.0f} {_UNITS[unit]}" if unit == 0 or amount >= 99.5 else f"{amount:.1f} {_UNITS[unit]}"


def _some(count: int | None) -> str:
    return f"{count:,}" if count else ""
