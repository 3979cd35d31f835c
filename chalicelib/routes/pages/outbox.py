"""Mail that is kept instead of sent: only where the deployment says so, on a laptop. Elsewhere nothing is here."""

from chalicelib import settings
from chalicelib.identity.permissions import Permission
from chalicelib.routes.pages.views import people
from chalicelib.storage import outbox
from chalicelib.web.pages import Somebody, shown
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

routes = Routes(__name__)


@routes.page("/outbox", permission=Permission.PUBLIC)
def letters(request: Request, principal: Somebody) -> Answer:
    """The newest letters, for whoever sits at the machine: they are how one signs up there."""
    if settings.current().mail != "outbox":
        raise NotFound
    mails = tuple(people.Letter(each.to, each.subject, each.text, each.at_ms // 1000) for each in outbox.letters())
    return shown(request, principal, people.Outbox(mails=mails))
