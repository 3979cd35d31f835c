"""A deploy in words: the verdict in one line, what changed in tables, and ways into the explorer."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from chalicelib.events.event import LEVELS
from chalicelib.events.patterns import phrase
from chalicelib.events.query.comparison import FEW, TWICE, Change, Compared
from chalicelib.events.query.deploy_diff import ERRORS, WARNINGS, Affected, DeployDiff, Pair
from chalicelib.events.query.editing import joined, terms_of, text_of_query
from chalicelib.events.query.expression import Compare, Contains, Equals, Everything, Expression
from chalicelib.events.scope import Scope
from chalicelib.events.store.deploys import Deploy
from chalicelib.routes.deploys import DeployView, view_of
from chalicelib.routes.pages.explore.asked import Asked, link
from chalicelib.routes.pages.explore.wording import cut, length, many, moment, stretch, visible
from chalicelib.routes.pages.patterns.rows import template
from chalicelib.routes.pages.views.deploys import (
    Counted,
    DeployRow,
    Difference,
    PatternGroup,
    PatternLine,
    Service,
)

LINES: Final = 15
SERVICES: Final = 12
TWIN_LINES: Final = 200
LONGEST_TEMPLATE: Final = 240
LONGEST_NAME: Final = 100

HEADINGS: Final[Mapping[Change, str]] = {"new": "New", "more": "More", "less": "Less", "gone": "Gone"}
"""In the order in which somebody looks for a fault."""


class Seen(Struct, frozen=True):
    """What was compared: around which deploy, over how long, and of which events."""

    deploy: Deploy
    minutes: int
    expression: Expression
    diff: DeployDiff


class Side(Struct, frozen=True):
    """A window: its events, and how many of each level."""

    start: int
    end: int
    events: int
    levels: dict[str, int]


class ServiceTwin(Struct, frozen=True):
    """Before and after. Errors are events of level error and above."""

    service: str
    events: Pair
    errors: Pair


class PatternTwin(Struct, frozen=True):
    """`find` is a phrase for a query that finds its messages; empty where there is none."""

    template: str
    sample: str
    level: str
    before: int
    after: int
    find: str


class DeployTwin(Struct, frozen=True, kw_only=True):
    """A deploy and what it changed. Without `before` and `after` it is too early to tell."""

    deploy: DeployView
    verdict: str
    minutes: int
    length_ms: int
    partial: bool
    notes: list[str]
    before: Side | None
    after: Side | None
    services: list[ServiceTwin]
    patterns: dict[str, list[PatternTwin]]
    """By what happened to them: `new`, `more`, `less`, `gone`; the largest difference first, at most 200 of each."""


TOO_EARLY: Final = "Too early to tell: nothing is compared before a second has passed."


def verdict(diff: DeployDiff) -> str:
    """`3 new error patterns; errors 12 → 140.`"""
    new = len(_new_errors(diff))
    before, after = diff.level(*ERRORS)
    errors = f"errors {before:,} → {after:,}" if before or after else "no errors before or after"
    if not diff.before.events and not diff.after.events:
        return "Nothing was said before or after it: there is nothing to compare."
    return f"{many(new, 'new error pattern') if new else 'No new error pattern'}; {errors}."


def difference(seen: Seen, *, scope: Scope, now_ms: int) -> Difference:
    diff, at = seen.diff, seen.deploy.at
    return Difference(
        verdict=verdict(diff), kind=_kind(diff), notes=tuple(notes(seen, scope=scope, now_ms=now_ms)),
        length=length(diff.length_ms // 1_000 * 1_000), before=f"{stretch(at - diff.length_ms, at)} UTC",
        after=f"{stretch(at, at + diff.length_ms)} UTC",
        before_link=_link(seen.expression, at - diff.length_ms, at),
        after_link=_link(seen.expression, at, at + diff.length_ms), levels=tuple(_levels(seen)),
        services=tuple(_service(seen, each) for each in diff.services()[:SERVICES]), groups=tuple(_groups(seen)),
    )  # fmt: skip


def twin(seen: Seen, *, scope: Scope, now_ms: int) -> DeployTwin:
    diff, at = seen.diff, seen.deploy.at
    before, after = diff.before, diff.after
    patterns = diff.patterns()
    return DeployTwin(
        deploy=view_of(seen.deploy), verdict=verdict(diff), minutes=seen.minutes, length_ms=diff.length_ms,
        partial=diff.partial, notes=notes(seen, scope=scope, now_ms=now_ms),
        before=Side(at - diff.length_ms, at, before.events, before.levels),
        after=Side(at, at + diff.length_ms, after.events, after.levels),
        services=[ServiceTwin(each.name, each.events, each.errors) for each in diff.services()],
        patterns={change: [_pattern_twin(each) for each in patterns[change][:TWIN_LINES]] for change in HEADINGS},
    )  # fmt: skip


def too_early(deploy: Deploy, minutes: int) -> DeployTwin:
    return DeployTwin(
        deploy=view_of(deploy), verdict=TOO_EARLY, minutes=minutes, length_ms=0, partial=False, notes=[], before=None,
        after=None, services=[], patterns={change: [] for change in HEADINGS},
    )  # fmt: skip


def notes(seen: Seen, *, scope: Scope, now_ms: int) -> list[str]:
    """What makes the comparison less than it looks."""
    diff, said = seen.diff, []
    if diff.length_ms < seen.minutes * 60_000:
        passed = length(diff.length_ms // 1_000 * 1_000)
        said.append(f"Only {passed} have passed since: as long a time before it is compared with that.")
    if diff.partial:
        said.append("Partial: not everything was read. What is new or gone may be so for that reason alone.")
    if diff.before.other or diff.after.other:
        said.append(f"{many(diff.before.other + diff.after.other, 'event')} have patterns beyond those told apart.")
    if seen.deploy.at - diff.length_ms < scope.horizon(now_ms):
        said.append(f"The time before it reaches beyond the {scope.retention_days} days that are kept.")
    return said


def row(deploy: Deploy, by: str, now_ms: int) -> DeployRow:
    version, service, environment = (visible(cut(each, LONGEST_NAME)) for each in deploy.release.identity)
    return DeployRow(
        id=deploy.id, at=f"{stretch(deploy.at, deploy.at).partition('–')[0]}", iso=moment(deploy.at),
        ago=f"{length(max(0, now_ms - deploy.at) // 1_000 * 1_000)} ago", version=version, service=service,
        environment=environment, by=visible(by), note=visible(deploy.release.note), url=deploy.release.url,
    )  # fmt: skip


def change_in_words(pair: Pair) -> str:
    """`×11.7`, `same`, `new`, `gone`; nothing where there was nothing."""
    before, after = pair
    if not before or not after:
        return "new" if after else "gone" if before else ""
    times = after / before
    return "same" if 0.95 < times < 1.05 else f"×{times:.1f}" if times >= 0.1 else f"×{times:.2f}"


def _kind(diff: DeployDiff) -> str:
    before, after = diff.level(*ERRORS)
    if _new_errors(diff) or (after >= TWICE * before and after - before >= FEW):
        return "bad"
    warned, warns = diff.level(*WARNINGS)
    return "care" if warns >= TWICE * warned and warns - warned >= FEW else "good"


def _new_errors(diff: DeployDiff) -> list[Compared]:
    return [each for each in diff.patterns()["new"] if each.level in ERRORS]


def _levels(seen: Seen) -> list[Counted]:
    diff, at = seen.diff, seen.deploy.at
    lines = []
    for level in reversed(LEVELS):
        before, after = diff.level(level)
        if before or after:
            asked = joined([*terms_of(seen.expression), Equals("level", level)])
            way = _link(asked, at - diff.length_ms, at + diff.length_ms)
            change = change_in_words((before, after))
            lines.append(Counted(name=level, before=before, after=after, change=change, next=way))
    return lines


def _service(seen: Seen, each: Affected) -> Service:
    at, span = seen.deploy.at, seen.diff.length_ms
    asked = [term for term in terms_of(seen.expression) if not _is_about_service(term)]
    if each.name:
        asked.append(Equals("service", each.name))
    if any(each.errors):
        asked.append(Compare("level", ">=", "error"))
    return Service(
        name=visible(cut(each.name, LONGEST_NAME)), errors=_counted("errors", each.errors),
        events=_counted("events", each.events), next=_link(joined(asked), at - span, at + span),
    )  # fmt: skip


def _is_about_service(term: Expression) -> bool:
    return isinstance(term, Equals) and term.field == "service"


def _counted(name: str, pair: Pair) -> Counted:
    return Counted(name=name, before=pair[0], after=pair[1], change=change_in_words(pair))


def _groups(seen: Seen) -> list[PatternGroup]:
    found = seen.diff.patterns()
    return [_group(seen, change, _heaviest_first(found[change])) for change in HEADINGS if found[change]]


def _group(seen: Seen, change: Change, ordered: Sequence[Compared]) -> PatternGroup:
    lines = tuple(_line(seen, each) for each in ordered[:LINES])
    heading = f"{HEADINGS[change]}: {many(len(ordered), 'pattern')}"
    return PatternGroup(change, heading, lines, max(0, len(ordered) - LINES))


def _heaviest_first(patterns: Sequence[Compared]) -> list[Compared]:
    """Errors before the rest, each as far as they differ."""
    return sorted(patterns, key=lambda each: each.level not in ERRORS)


def _line(seen: Seen, each: Compared) -> PatternLine:
    at, span = seen.deploy.at, seen.diff.length_ms
    words = phrase(each.pattern.template, each.pattern.sample)
    asked = joined([*terms_of(seen.expression), Contains(words)]) if words else Everything()
    return PatternLine(
        level=each.level, template=template(cut(each.pattern.template, LONGEST_TEMPLATE)),
        before=each.before, after=each.after, next=_link(asked, at - span, at + span) if words else "",
    )  # fmt: skip


def _pattern_twin(each: Compared) -> PatternTwin:
    it = each.pattern
    return PatternTwin(it.template, it.sample, each.level, each.before, each.after, phrase(it.template, it.sample))


def _link(expression: Expression, start: int, end: int) -> str:
    return link(Asked(q=text_of_query(expression), start=moment(start), end=moment(end)))
