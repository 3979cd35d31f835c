"""What a project uses: events and bytes by day, level, service and key, and what was rejected and why."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from chalicelib.events.event import LEVELS
from chalicelib.events.query import usage
from chalicelib.events.query.usage import Day, Lag, Services, Usage
from chalicelib.events.store.allowances import Standing, standing_of
from chalicelib.events.store.usage import Used
from chalicelib.identity import key_ring
from chalicelib.identity.permissions import Permission
from chalicelib.ids import DAY_MS
from chalicelib.routes.problems import QUERY_PROBLEMS
from chalicelib.routes.scope import scope_of
from chalicelib.web import responses
from chalicelib.web.guard import Principal
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

USAGE: Final = "/orgs/{org}/projects/{project}/usage"
READ: Final = Permission.EVENTS_READ
REFUSALS: Final = (400, 401, 403, 404, 503)
USUAL_DAYS: Final = 30
MOST_DAYS: Final = 400

ADVICE: Final[Mapping[str, str]] = {
    "not_an_object": 'The event is no JSON object. Send each as one: {"message": "…"}.',
    "invalid_json": "Its JSON cannot be read: a line was cut, or text is no UTF-8. Let a JSON library write it.",
    "too_deep": "More than 64 objects and arrays stand inside each other. Flatten metadata, or send it as text.",
    "too_large": "It has more than 256 KB. Shorten stack traces and bodies before sending.",
    "too_old": "It happened before what this project keeps. Look at the sender's clock, and at how long it buffers.",
    "over_allowance": "More came that day than the plan allows, and a tenth more. Send less, or ask for another plan.",
    "too_scattered": "One batch spans too many hours. Send smaller batches, each of a shorter time.",
}
"""By the code of a rejection: what it is for, and what to do."""
UNKNOWN: Final = "The answer to the request says what was wrong with it."

routes = Routes(__name__, QUERY_PROBLEMS)

Word = Annotated[str, Meta(max_length=40)]


class Days(Struct, frozen=True, kw_only=True):
    """A stretch of days in UTC, both ends included."""

    start: Annotated[Word, Meta(description="`2026-11-01`. Without it 30 days to the last one.")] = field(
        name="from", default=""
    )
    end: Annotated[Word, Meta(description="`2026-11-24`. Without it today.")] = field(name="to", default="")


class UsageTotal(Struct, frozen=True, kw_only=True):
    """Events that are stored, and their bytes as they are stored; what was sent, and its bytes before compression.

    What is stored is counted by when it happened, and exactly, unless `exact` says no. What was sent is counted by when
    it came: at least so much.
    """

    events: int
    levels: dict[str, int]
    bytes: int
    exact: bool
    accepted: int
    duplicates: int
    rejected: int
    sent_bytes: int


class UsageDay(UsageTotal, frozen=True, kw_only=True):
    """A day in UTC."""

    day: str


class KeyUsage(Struct, frozen=True, kw_only=True):
    """What was sent with a key. `label` is null where there is no such key any more."""

    key: str
    label: str | None
    accepted: int
    duplicates: int
    rejected: int
    sent_bytes: int


class ReasonUsage(Struct, frozen=True):
    """How many events were rejected for a reason, and what to do about it."""

    reason: str
    count: int
    advice: str


class AllowanceUsage(Struct, frozen=True):
    """How much of the day's allowance was accepted today, in UTC: at least `used` events. Owners are told from
    `warned_from` on; from `refused_from` on, a tenth more, everything is refused until `begins_again_at`."""

    events: int
    used: int
    warned_from: int
    refused_from: int
    begins_again_at: int


class UsageAnswer(Struct, frozen=True, kw_only=True):
    """What a project uses. Times are in milliseconds.

    `kept_from` is the first day that the project keeps as a whole. `daily_allowance` is how many events a day the plan
    allows, and `today` how much of that is used: null is without limit. `services` are those of the newest `of` events.
    `keys` is null for who may not see the project's keys. The index knows all hours before `indexed_until`; where
    blocks were too many to be looked at, everything from `counted_since` on was counted nevertheless.
    """

    start: str = field(name="from")
    end: str = field(name="to")
    retention_days: int
    kept_from: str
    daily_allowance: int | None
    today: AllowanceUsage | None
    total: UsageTotal
    days: list[UsageDay]
    services: Services
    keys: list[KeyUsage] | None
    rejections: list[ReasonUsage]
    lag: Lag | None
    as_of: int
    indexed_until: int
    counted_since: int | None


@routes.get("/api" + USAGE, permission=READ, query=Days, answers={200: UsageAnswer}, refusals=REFUSALS)
def get_usage(request: Request, principal: Principal) -> Answer:
    """Counts what a project holds and what it was sent, day by day: the last 30 days, or at most 400."""
    return responses.json(answered(request, principal, *days_of(request)))


@routes.get(USAGE + ".json", permission=READ, query=Days, answers={200: UsageAnswer}, refusals=REFUSALS)
def usage_json(request: Request, principal: Principal) -> Answer:
    """The page on usage, for programs."""
    return get_usage(request, principal)


def answered(request: Request, principal: Principal, first: int, last: int) -> UsageAnswer:
    """Of the days from `first` to `last`, counted from 1970. Raises `StoreUnavailable`."""
    scope, now_ms, allowance = scope_of(principal), request.now_ms, principal.project.events_a_day
    standing = standing_of(scope, allowance, now_ms=now_ms, deadline=request.deadline)
    found = usage.usage(scope, first, last, now_ms=now_ms, deadline=request.deadline)
    return UsageAnswer(
        start=name_of(first), end=name_of(last), retention_days=scope.retention_days,
        kept_from=name_of(usage.oldest_day(scope, now_ms=now_ms)), daily_allowance=allowance,
        today=_today(standing), total=_total(found.days), days=[_day(each) for each in found.days],
        services=found.services,
        keys=_keys(found, principal, request) if Permission.KEYS_READ in principal.may else None,
        rejections=[ReasonUsage(each, count, ADVICE.get(each, UNKNOWN)) for each, count in found.reasons.items()],
        lag=found.lag, as_of=now_ms, indexed_until=min(found.indexed_until, now_ms), counted_since=found.counted_since,
    )  # fmt: skip


def _today(standing: Standing | None) -> AllowanceUsage | None:
    if standing is None:
        return None
    return AllowanceUsage(
        standing.allowance, standing.used, standing.warned_from, standing.refused_from, standing.begins_again_at
    )


def days_of(request: Request) -> tuple[int, int]:
    """The first and the last day that are asked for, counted from 1970. Raises `ParameterWrong`."""
    asked, today = parameters(request, Days), request.now_ms // DAY_MS
    last = min(today, _day_named("to", asked.end, today))
    first = _day_named("from", asked.start, last - USUAL_DAYS + 1)
    if first > last:
        raise ParameterWrong("from", f"The range ends before it starts: {name_of(last)} is the last day of it.")
    if last - first >= MOST_DAYS:
        raise ParameterWrong("from", f"At most {MOST_DAYS} days are counted at once: begin {name_of(last - 399)}.")
    return first, last


def name_of(day: int) -> str:
    """`2026-11-24`."""
    return (_EPOCH + timedelta(days=day)).isoformat()


_EPOCH: Final = datetime.fromtimestamp(0, UTC).date()


def _day_named(parameter: str, text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return max(0, (date.fromisoformat(text) - _EPOCH).days)
    except ValueError as error:
        raise ParameterWrong(parameter, f"`{parameter}` must be a day such as `2026-11-24`.") from error


def _day(found: Day) -> UsageDay:
    return UsageDay(
        day=name_of(found.day), events=found.events, levels=_ordered(found.levels), bytes=found.bytes,
        exact=found.exact, **_sent(found.sent),
    )  # fmt: skip


def _total(days: list[Day]) -> UsageTotal:
    levels: Counter[str] = Counter()
    sent = Used()
    for each in days:
        levels.update(each.levels)
        sent += each.sent
    return UsageTotal(
        events=levels.total(), levels=_ordered(levels), bytes=sum(each.bytes for each in days),
        exact=all(each.exact for each in days), **_sent(sent),
    )  # fmt: skip


def _ordered(levels: Mapping[str, int]) -> dict[str, int]:
    """The heaviest first, those without events left out."""
    return {level: levels[level] for level in reversed(LEVELS) if levels.get(level)}


def _sent(used: Used) -> dict[str, int]:
    return {
        "accepted": used.accepted, "duplicates": used.duplicates, "rejected": used.rejected, "sent_bytes": used.bytes,
    }  # fmt: skip


def _keys(found: Usage, principal: Principal, request: Request) -> list[KeyUsage]:
    project = principal.project
    listed = key_ring.keys_of(project.org, project.project, deadline=request.deadline)
    labels = {each.key_id: each.label or each.key_id for each in listed}
    return [KeyUsage(key=key, label=labels.get(key), **_sent(used)) for key, used in found.keys.items()]
