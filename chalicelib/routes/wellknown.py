"""What everybody may know: whether the service is well, and how it is spoken to."""

from msgspec import Struct

from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from chalicelib.web import VERSION, openapi, responses
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes, declarations

routes = Routes(__name__)


class Health(Struct, frozen=True):
    """The answer of a service that is well. One that is not answers 503."""

    version: str
    store: str = "ok"
    status: str = "ok"


@routes.public("/healthz", head=True, answers={200: Health}, refusals=(503,))
def healthz(request: Request) -> Answer:
    """Says the version, and that the store answers."""
    item(keys.TENANTS, keys.org_slug_partition("-"), keys.ONLY, deadline=request.deadline)
    return responses.json(Health(VERSION))


@routes.public("/openapi.json", answers={200: bytes})
def openapi_json(_: Request) -> Answer:
    """This description of the API."""
    document = openapi.document(declarations(routes.current_app))
    return responses.json(document, headers={"Cache-Control": "public, max-age=300"})
