"""Somebody who was let in a moment ago, or let out: where they go, and who they are to the page that greets them."""

from chalicelib.identity.membership import membership, orgs_of
from chalicelib.identity.orgs import org_by_id, orgs_by_id
from chalicelib.identity.permissions import GRANTS
from chalicelib.identity.projects import ids_of, project_by_id
from chalicelib.identity.sessions import Begun
from chalicelib.identity.users import User
from chalicelib.web import cookies, responses
from chalicelib.web.guard import PersonPrincipal, Place
from chalicelib.web.headers import SIGNED_OUT
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.templates import address

HOME = "/orgs"


def way_on(wanted: str, user: User, request: Request) -> str:
    """The page that was asked for before the sign-in, if it is one of ours; else the only organisation, or the list."""
    if wanted and responses.is_local(wanted):
        return wanted
    found = orgs_by_id(orgs_of(user.user, deadline=request.deadline), deadline=request.deadline)
    return f"{HOME}/{found[0].slug}" if len(found) == 1 else HOME


def inside(begun: Begun, org_slug: str, project_slug: str, request: Request) -> PersonPrincipal:
    """Somebody in the project that was just made for them. Raises `NotFound` if it is gone already."""
    named = ids_of(org_slug, project_slug, deadline=request.deadline)
    if named is None:
        raise NotFound
    org = org_by_id(named[0], deadline=request.deadline)
    member = membership(named[0], begun.session.user.user, deadline=request.deadline)
    project = project_by_id(*named, deadline=request.deadline)
    if org is None or member is None or project is None:
        raise NotFound
    return PersonPrincipal(begun.session, begun.cookie, Place(org, member, project), GRANTS[member.role])


def outside() -> Answer:
    """To the sign-in, for whoever has ended their session: the browser forgets all that it had of ours."""
    return responses.see_other(address("/sign-in"), cookies=(cookies.dropped(cookies.SESSION),), headers=SIGNED_OUT)
