"""The first page, what everybody may read, and the theme."""

from typing import Final, Literal

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity import sign_up
from chalicelib.identity.permissions import Permission
from chalicelib.routes.pages import prices, promises
from chalicelib.routes.pages.examples import NO_KEY, curl
from chalicelib.routes.pages.fields import Path
from chalicelib.routes.pages.views import start
from chalicelib.web import bodies, responses
from chalicelib.web.cookies import THEME
from chalicelib.web.pages import Somebody, shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

YEAR: Final = 365 * 24 * 3600

routes = Routes(__name__)


@routes.page("/", permission=Permission.PUBLIC)
def landing(request: Request, principal: Somebody) -> Answer:
    """Says what this is."""
    view = start.Landing(
        curl=curl(settings.current().url, NO_KEY), sign_up=sign_up.is_open(deadline=request.deadline),
        promises=promises.first(), promised=promises.count(), prices=prices.table(),
    )  # fmt: skip
    return shown(request, principal, view)


@routes.page("/promises", permission=Permission.PUBLIC)
def promised(request: Request, principal: Somebody) -> Answer:
    """All promises by their numbers."""
    return shown(request, principal, start.Promises(groups=promises.groups()))


class Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    theme: Literal["system", "light", "dark"]
    back: Path = "/"


def _refused(request: Request, principal: Somebody, _: FormWrong) -> Answer:
    view = start.Told(
        title="No such theme", sentences=("There are light, dark and system.",), links=(("The first page", "/"),)
    )
    return shown(request, principal, view, status=422)


@routes.form("/theme", permission=Permission.PUBLIC, again=_refused, shown_at="/", body=Chosen)
def theme(request: Request, _: Somebody) -> Answer:
    """Light, dark, or what the system says."""
    chosen = bodies.form_body(request, Chosen)
    # Read by the page's own script, and worth nothing to anybody: neither HttpOnly nor the prefix `__Host-`.
    cookie = f"{THEME}={chosen.theme}; Path=/; Max-Age={YEAR}; Secure; SameSite=Lax"
    back = chosen.back if responses.is_local(chosen.back) else "/"
    return responses.see_other(address(back), cookies=(cookie,))
