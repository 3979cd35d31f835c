"""All families of pages, for the app to serve."""

from typing import Final

from chalicelib.routes import static
from chalicelib.routes.pages import (
    account,
    audit,
    connections,
    consent,
    deleting,
    deletions,
    deploys,
    first,
    first_event,
    invitation,
    keys,
    lenses,
    members,
    orgs,
    outbox,
    projects,
    sign_in,
    sign_up,
    status,
    usage,
    windows,
)
from chalicelib.routes.pages.explore import routes as explore
from chalicelib.routes.pages.explore import trace_list
from chalicelib.routes.pages.patterns import routes as patterns
from chalicelib.web.routing import Routes

PAGES: Final[tuple[Routes, ...]] = (
    static.routes, first.routes, sign_up.routes, sign_in.routes, invitation.routes, account.routes, orgs.routes,
    members.routes, audit.routes, projects.routes, windows.routes, explore.routes, lenses.routes, first_event.routes,
    keys.routes, connections.routes, consent.routes, outbox.routes, usage.routes, status.routes, patterns.routes,
    deploys.routes, deleting.routes, deletions.routes, trace_list.routes,
)  # fmt: skip
