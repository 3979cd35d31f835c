"""The patterns of a project over JSON: what its messages are like, and which of them somebody called resolved."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from chalicelib.events.query import pattern_list
from chalicelib.events.query.pattern_list import ONLY, ListedPattern, Only, PatternList
from chalicelib.identity import pattern_states
from chalicelib.identity.pattern_states import LONGEST_NOTE
from chalicelib.identity.permissions import Permission
from chalicelib.routes.orgs import CHANGE_REFUSALS, PROJECT
from chalicelib.routes.problems import QUERY_PROBLEMS
from chalicelib.routes.query import REFUSALS, Ranged, expression, time_range
from chalicelib.routes.scope import scope_of
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal, Principal
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

PATTERNS: Final = PROJECT + "/patterns"
PATTERN: Final = PATTERNS + "/{id}"
READ: Final = Permission.EVENTS_READ
WRITE: Final = Permission.PATTERNS_WRITE
DEFAULT_SINCE: Final = "24h"


class PatternsAsked(Ranged, frozen=True, kw_only=True):
    """Without a range: the last day."""

    only: Annotated[
        Only,
        Meta(
            description=(
                "`new`: first seen within a day. `rising`: at least twice as many as in the stretch before. "
                "`regressed`: seen after it was resolved. `resolved`: not seen since."
            )
        ),
    ] = "all"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class PatternsListed(PatternList, frozen=True, kw_only=True):
    """As many of the patterns as were asked for, and how many there are of that kind."""

    of: int


class StateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a pattern is from now on. One that is resolved and seen again is told as `regressed`."""

    state: Literal["resolved", "open"]
    note: Annotated[str, Meta(max_length=LONGEST_NOTE, description="Why it is resolved, on one line.")] = ""


routes = Routes(__name__, {**TENANT_PROBLEMS, **QUERY_PROBLEMS})


@routes.get(PATTERNS, permission=READ, query=PatternsAsked, answers={200: PatternsListed}, refusals=REFUSALS)
def list_patterns(request: Request, principal: Principal) -> Answer:
    """Lists what the messages of a stretch of time are like, most frequent first.

    `from` and `to` of the answer are what was counted: whole hours, for two hours or more and a query of levels alone.
    """
    asked = parameters(request, PatternsAsked)
    if not (asked.since or asked.start or asked.end):
        asked = replace(asked, since=DEFAULT_SINCE)
    found = pattern_list.listed(
        scope_of(principal), expression(asked), time_range(asked, request), now_ms=request.now_ms,
        deadline=request.deadline,
    )  # fmt: skip
    wanted = list(filter(ONLY[asked.only], found.patterns))
    told = asdict(found) | {"patterns": wanted[: asked.limit]}
    return responses.json(PatternsListed(**told, of=len(wanted)))


@routes.get(PATTERN, permission=READ, answers={200: ListedPattern}, refusals=REFUSALS)
def get_pattern(request: Request, principal: Principal) -> Answer:
    """Gives one pattern, counted over all that the project keeps."""
    return responses.json(_named(request, principal))


@routes.put(PATTERN + "/state", permission=WRITE, body=StateChange, answers={200: ListedPattern},
            refusals=CHANGE_REFUSALS)  # fmt: skip
def change_pattern_state(request: Request, principal: PersonPrincipal) -> Answer:
    """Calls a pattern resolved, from now on, or open again."""
    given = bodies.json_body(request, StateChange)
    found = _named(request, principal)
    if given.state == "resolved":
        pattern_states.resolve(
            principal.project, found.id, by=principal.member, note=given.note, now_ms=request.now_ms,
            deadline=request.deadline,
        )  # fmt: skip
    else:
        pattern_states.reopen(
            principal.project, found.id, by=principal.member, now_ms=request.now_ms, deadline=request.deadline
        )
    return responses.json(_named(request, principal))


def _named(request: Request, principal: Principal) -> ListedPattern:
    found = pattern_list.pattern(
        scope_of(principal), request.parameters["id"], now_ms=request.now_ms, deadline=request.deadline
    )
    if found is None:
        raise NotFound
    return found
