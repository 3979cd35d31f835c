"""Pages on their way out: a view gets the frame of whoever asks, the headers of pages, and what its forms are bound to.

Imported by what shows pages only: Jinja2 takes a cold start 45 ms.
"""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Final, get_args
from urllib.parse import quote

from msgspec.structs import replace

from chalicelib import settings
from chalicelib.identity.permissions import Permission
from chalicelib.identity.projects import projects_of
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.web import csrf, headers, problems, responses, templates
from chalicelib.web.cookies import PRE, SESSION, THEME, cookie, kept
from chalicelib.web.guard import Guest, PersonPrincipal, signed_in
from chalicelib.web.problems import (
    HeaderWrong,
    NotSignedIn,
    Problems,
    ReauthenticationNeeded,
    SecondFactorNeeded,
)
from chalicelib.web.request import IN_QUERY, Request
from chalicelib.web.responses import Answer
from chalicelib.web.templates import Person, Place, Refusal, Shell, Theme, View

SIGN_IN: Final = "/sign-in"
PROVE_AGAIN: Final = "/sign-in/again"

WAYS_ON: Final[Mapping[type[Exception], tuple[tuple[str, str], ...]]] = {
    SecondFactorNeeded: (("Set up a second factor", "/account"), ("Sign in with one", SIGN_IN)),
}
"""Where a refusal leads, by what it is about: words and paths."""

Somebody = PersonPrincipal | Guest


def shown(
    request: Request,
    principal: Somebody,
    view: View,
    *,
    status: int = 200,
    cookies: tuple[str, ...] = (),
    own_headers: Mapping[str, str] | None = None,
) -> Answer:
    """The view as a page for this person. Raises `StoreUnavailable`."""
    answer = templates.page(view, shell(request, principal), status=status, headers=headers.of_page())
    if isinstance(principal, Guest) and principal.is_new:
        cookies = (kept(PRE, principal.binding, seconds=csrf.PRE_SECONDS), *cookies)
    return replace(answer, headers={**answer.headers, **(own_headers or {})}, cookies=cookies)


def shell(request: Request, principal: Somebody) -> Shell:
    """What the frame around a page shows of who is asking and where they are. Raises `StoreUnavailable`."""
    plain = Shell(
        path=request.local_path, csrf=csrf.token(principal.binding, csrf.FORM), theme=_theme(request),
        outbox=settings.current().mail == "outbox", sign_up=settings.current().sign_up == "open",
    )  # fmt: skip
    if isinstance(principal, Guest):
        return plain
    user, place = principal.session.user, principal.place
    known = replace(plain, person=Person(user.name, user.email))
    if place is None:
        return known
    return replace(
        known,
        org=Place(place.org.slug, place.org.name),
        project=Place(place.project.slug, place.project.name) if place.project else None,
        projects=tuple(Place(each.slug, each.name) for each in projects_of(place.org.org)),
        reads_audit=Permission.AUDIT_READ in principal.may,
    )


def refusal(
    request: Request, error: Exception, known: Problems, *, way_back: str, person: PersonPrincipal | None = None
) -> Answer:
    """What a page answers instead of itself: the way to sign in, where that is all that is missing, else why not.

    `way_back` is the path to go on to after signing in, `person` who was admitted before this happened.
    """
    if isinstance(error, NotSignedIn | ReauthenticationNeeded):
        path = SIGN_IN if isinstance(error, NotSignedIn) else PROVE_AGAIN
        return responses.see_other(templates.address(f"{path}?next={quote(way_back, safe=IN_QUERY)}"))
    problem = problems.problem_of(error, known)
    told = problem.told(error)
    view = Refusal(
        title=problem.title, status=problem.status, detail=told.detail, request_id=request.id,
        links=WAYS_ON.get(type(error), ()),
    )  # fmt: skip
    if person is not None:
        # Nowhere: what the frame says of a place would be asked of the store, which may be what failed.
        answer = shown(request, replace(person, place=None), view, status=problem.status)
    else:
        answer = _shown_to_whoever(request, view)
    return replace(answer, headers={**answer.headers, **told.headers})


def _shown_to_whoever(request: Request, view: Refusal) -> Answer:
    """The frame is that of who is signed in, if the refusal is about what was asked for.

    A store that fails, and a client that asks too much, are no reasons to ask for more.
    """
    person = None
    if view.status < HTTPStatus.TOO_MANY_REQUESTS:
        with suppress(HeaderWrong, StoreUnavailable):  # then a guest's frame will do
            person = signed_in(request)
    answer = shown(request, person or _unknown(request), view, status=view.status)
    return replace(answer, cookies=(*(person.new_cookies if person else ()), *answer.cookies))


def _unknown(request: Request) -> Guest:
    """Nobody who can be named: what the page's one form is bound to is the cookie as it was sent."""
    bound = _cookie(request, SESSION) or _cookie(request, PRE)
    return Guest(bound or csrf.new_binding(), is_new=bound is None)


def _theme(request: Request) -> Theme:
    named = _cookie(request, THEME)
    return next((theme for theme in get_args(Theme) if theme == named), "system")


def _cookie(request: Request, name: str) -> str | None:
    """The cookie, also for the page that says that cookies were unusable."""
    try:
        return cookie(request, name)
    except HeaderWrong:
        return None
