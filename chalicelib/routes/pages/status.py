"""The status page: for everybody, and also while the store is away. It asks nobody who they are, since that asks it."""

from typing import Final

from chalicelib.routes import status
from chalicelib.routes.pages.explore.wording import length
from chalicelib.routes.pages.views import usage as views
from chalicelib.routes.status import Status
from chalicelib.web import csrf
from chalicelib.web.guard import Guest
from chalicelib.web.pages import shown
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

HEADINGS: Final = {"ok": "Everything works", "degraded": "Degraded", "down": "Down"}
DETAILS: Final = {
    "ok": "Events are taken, and questions are answered.",
    "degraded": "Events are taken, and answers are right. Answers take longer than usual, because upkeep is behind.",
    "down": "The store does not answer. Nothing that was acknowledged is lost; clients should send again what was not.",
}
UPKEEP: Final = {"ok": "on time", "late": "behind", "unknown": "not known"}

routes = Routes(__name__)


@routes.public("/status", kind="page")
def status_page(request: Request) -> Answer:
    """Says in words whether the service is well."""
    found = status.current(request)
    nobody = Guest(csrf.new_binding(), is_new=False)  # the page has no form, so it needs no cookie
    return shown(request, nobody, page(found), status=status.code_of(found))


def page(found: Status) -> views.Status:
    """The page that says this."""
    facts = [
        ("The store", "answers" if found.store == "ok" else "does not answer"),
        ("Upkeep", UPKEEP[found.upkeep]),
        ("Oldest work that waits", _age(found.oldest_work_seconds, "none waits")),
        ("Empty hours marked", _age(found.watermark_seconds, "not yet", " ago")),
        ("Version", found.version),
    ]
    if found.upkeep == "unknown":
        del facts[2:4]
    return views.Status(
        state=found.status, heading=HEADINGS[found.status], detail=DETAILS[found.status], facts=tuple(facts),
        checked_at=found.checked_at // 1000,
    )  # fmt: skip


def _age(seconds: int | None, none: str, after: str = "") -> str:
    return none if seconds is None else f"{length(max(1, seconds) * 1000)}{after}"
