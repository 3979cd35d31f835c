"""Waiting for a project's first event, with everything that is needed to send it."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.events.query import search
from chalicelib.events.query.answers import Record
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store import rejections
from chalicelib.identity.permissions import Permission
from chalicelib.routes.pages.assistants import claude_code, mcp_address
from chalicelib.routes.pages.examples import examples
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views.start import Arrived, FirstEvent
from chalicelib.routes.scope import scope_of
from chalicelib.web import responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

PATH: Final = "/orgs/{org}/projects/{project}/first-event"
DAY_MS: Final = 24 * 3_600_000
LONGEST_MESSAGE: Final = 1_000
SOON: Final = 2.0
"""Seconds that one look may take: there is another one two seconds later."""

routes = Routes(__name__)


class News(Struct, frozen=True):
    """What the page's script shows. `rejected` has a sentence for each event that could not be stored."""

    event: Arrived | None
    rejected: list[str] = []


@routes.page(PATH, permission=Permission.EVENTS_READ)
def first_event(request: Request, principal: PersonPrincipal) -> Answer:
    """Shows how to send an event, and the newest of the last day if there is one."""
    arrived = newest(request, principal)
    return shown(request, principal, waiting(request, principal, "", event=arrived))


@routes.page(PATH + "/news", permission=Permission.EVENTS_READ)
def news(request: Request, principal: PersonPrincipal) -> Answer:
    """What the page's script asks for."""
    arrived = newest(request, principal)
    return responses.json(News(arrived, [] if arrived else rejected(request, principal)))


def waiting(request: Request, principal: PersonPrincipal, key: str, *, event: Arrived | None = None) -> FirstEvent:
    """The page, with the key where it was made just now."""
    path = project_path(principal)
    since = _since(request)
    return FirstEvent(
        crumbs=at_project(principal), here=f"{path}/first-event", project=path, keys=f"{path}/keys", key=key,
        examples=examples(settings.current().url, key), assistant=claude_code(mcp_address(principal)), since=since,
        elapsed=_elapsed(request.now - since), event=event,
        rejected=() if event or key else tuple(rejected(request, principal)),
    )  # fmt: skip


def rejected(request: Request, principal: PersonPrincipal) -> list[str]:
    """Why the last events that came could not be stored, a sentence each. Raises `StoreUnavailable`."""
    found = rejections.last(scope_of(principal), now_ms=request.now_ms, deadline=request.deadline_within(SOON))
    return found.details if found else []


def newest(request: Request, principal: PersonPrincipal) -> Arrived | None:
    """The newest event of the last day. Raises `StoreUnavailable`."""
    page = search.search(
        scope_of(principal), Everything(), TimeRange(request.now_ms - DAY_MS, request.now_ms + 1), limit=1,
        order="desc", cursor=None, now_ms=request.now_ms, deadline=request.deadline_within(SOON),
    )  # fmt: skip
    return _arrived(page.data[0]) if page.data else None


def _arrived(record: Record) -> Arrived:
    received = datetime.fromtimestamp(record.received_at / 1000, UTC)
    return Arrived(
        record.level, record.service or "–", record.message[:LONGEST_MESSAGE], f"{received:%-d %b %Y, %H:%M:%S} UTC"
    )


def _since(request: Request) -> int:
    """When the waiting began: now, or when the link says that this page was opened first."""
    given = request.query.get("since", "")
    began = int(given) if given.isascii() and given.isdigit() and len(given) < 12 else request.now
    return began if request.now - 86_400 < began <= request.now else request.now


def _elapsed(seconds: int) -> str:
    return "1 second" if seconds == 1 else f"{seconds} seconds"
