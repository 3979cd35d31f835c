"""The audit logs over JSON: that of an organisation, and that of one's own account."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.times import parse_moment
from chalicelib.identity import members
from chalicelib.identity.permissions import Permission
from chalicelib.routes.orgs import ORG, REFUSALS
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.storage import audit
from chalicelib.storage.audit import Entry, Fact, Filter
from chalicelib.web import responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.paging import next_link
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

Word = Annotated[str, Meta(max_length=100)]

routes = Routes(__name__, TENANT_PROBLEMS)


class OwnSearch(Struct, frozen=True, kw_only=True):
    """Which entries, of all that there are."""

    action: Annotated[Word, Meta(description="`key.create`, say, or `key` for all that begin so.")] = ""
    since: Annotated[Word, Meta(description="RFC 3339, a date, or milliseconds.")] = ""
    until: Annotated[Word, Meta(description="As `since`; not included itself.")] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=1000, description="Where the page before this one ended.")] = ""


class Search(OwnSearch, frozen=True, kw_only=True):
    """Which entries, of all that there are."""

    actor: Annotated[Word, Meta(description="The id of a person, or `operator`.")] = ""
    target: Annotated[Word, Meta(description="The id of what was changed.")] = ""


class ActorView(Struct, frozen=True):
    """Who did it. The name is there while they are a member."""

    kind: str
    id: str
    name: str | None


class EntryView(Struct, frozen=True):
    """Something that was changed. `before` and `after` hold what is different."""

    id: str
    at: int
    actor: ActorView
    action: str
    target: str
    before: dict[str, Fact]
    after: dict[str, Fact]


class EntryList(Struct, frozen=True):
    """Entries, the newest first. With a cursor there may be more, even if this page is empty."""

    data: list[EntryView]
    next_cursor: str | None


@routes.get(
    ORG + "/audit", permission=Permission.AUDIT_READ, query=Search, answers={200: EntryList}, refusals=(400, *REFUSALS)
)
def search_audit(request: Request, principal: PersonPrincipal) -> Answer:
    """Finds what was changed in an organisation: by whom, what, when, from what to what."""
    asked = parameters(request, Search)
    wanted = replace(_filter(asked), actor=asked.actor, target=asked.target)
    org = principal.org.org
    found = audit.search(org, wanted, limit=asked.limit, cursor=asked.cursor or None, deadline=request.deadline)
    people = members.people_of(org, deadline=request.deadline)
    names = {person.member.user.hex(): person.name for person in people}
    page = EntryList([_view(entry, names) for entry in found.data], found.next_cursor)
    return responses.json(page, headers=next_link(request, found.next_cursor))


@routes.get(
    "/api/auth/log", permission=Permission.ACCOUNT_READ, query=OwnSearch, answers={200: EntryList},
    refusals=(400, 401, 429, 503),
)  # fmt: skip
def search_own_log(request: Request, principal: PersonPrincipal) -> Answer:
    """Finds what happened to one's own account: sign-ins, sessions, password, second factor, address."""
    asked = parameters(request, OwnSearch)
    user = principal.session.user
    found = audit.search_personal(
        user.user, _filter(asked), limit=asked.limit, cursor=asked.cursor or None, deadline=request.deadline
    )
    page = EntryList([_view(entry, {user.user.hex(): user.name}) for entry in found.data], found.next_cursor)
    return responses.json(page, headers=next_link(request, found.next_cursor))


def _filter(asked: OwnSearch) -> Filter:
    return Filter(
        action=asked.action, since=_second("since", asked.since, Filter().since),
        until=_second("until", asked.until, Filter().until),
    )  # fmt: skip


def _second(parameter: str, text: str, otherwise: int) -> int:
    """A moment in seconds, the next whole one: entries are known to the second."""
    if not text:
        return otherwise
    try:
        return -(-parse_moment(text).first // 1000)
    except QueryError as error:
        raise ParameterWrong(parameter, error.message) from error


def _view(entry: Entry, names: dict[str, str]) -> EntryView:
    actor = ActorView(entry.actor.kind, entry.actor.id, names.get(entry.actor.id))
    return EntryView(entry.id, entry.at * 1000, actor, entry.action, entry.target, entry.before, entry.after)
