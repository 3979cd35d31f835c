"""The authorization endpoint as people meet it: whether an app may read one of their projects.

    GET   signed in -> client and redirect -> the rest -> the question          a wrong request: page, or redirect
    POST  signed in -> form's token -> seal -> the answer -> redirect           with a code, or `access_denied`

Nothing is decided before somebody is signed in: until then not even a client's document is fetched for a stranger.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from chalicelib.identity.permissions import Permission
from chalicelib.ids import OrgId, ProjectId
from chalicelib.oauth import authorization, codes, redirects, seal, targets
from chalicelib.oauth.authorization import AuthorizationRequest, Redirected
from chalicelib.oauth.codes import Approval
from chalicelib.oauth.errors import OAuthError, Unredirectable
from chalicelib.oauth.resources import parse_resource
from chalicelib.oauth.seal import Question, SealBroken
from chalicelib.oauth.targets import FactorMissing, Open, Target, TargetUnknown
from chalicelib.routes.pages.apps import called, proof
from chalicelib.routes.pages.fields import again, sentence
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.views.assistants import Consent, HandedBack
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.web import bodies, headers
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong, Problem, Problems, SecondFactorNeeded, Told
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

PATH: Final = "/oauth/authorize"
LONGEST_DAYS: Final = 90
DAY: Final = 86_400

UNTOLD: Final = {"Referrer-Policy": "no-referrer"}
"""The address of the question holds what the client asked for, which is nobody else's business."""

SAID_NO: Final = OAuthError("access_denied", "the person who was asked said no")

AT_THIS_COMPUTER: Final = (
    "The answer goes to a program on this computer, and any program here can ask in this name. Allow it only if you "
    "started this yourself, just now."
)
UNVERIFIED: Final = (
    "Nothing proves who this app is: anybody can take this name. Allow it only if you came here from the app itself, "
    "just now, and know the address that the answer goes to."
)


class NoProject(Exception):
    """Somebody is asked for a project, and is in none."""


CONSENT_PROBLEMS: Final[Problems] = {
    **PAGE_PROBLEMS,
    Unredirectable: Problem(
        400, "authorization", "The app’s request cannot be used",
        lambda error: Told(f"{sentence(error.reason)} Nothing was given to anybody.", headers=UNTOLD),
    ),
    SealBroken: Problem(
        400, "authorization", "The question is over", lambda error: Told(f"{error} Nothing was given.", headers=UNTOLD)
    ),
    TargetUnknown: Problem(
        404, "not-found", "Not one of your projects",
        lambda error: Told(
            f"{error} Sign in as somebody who is in it, or let somebody invite you; then start again from the app.",
            headers=UNTOLD,
        ),
    ),
    NoProject: Problem(
        403, "no-project", "There is no project to read",
        lambda _: Told("You are in no project yet. Make one, then start again from the app.", headers=UNTOLD),
    ),
}  # fmt: skip

routes = Routes(__name__, CONSENT_PROBLEMS)


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    question: Annotated[str, Meta(min_length=1, max_length=30_000)]
    decision: Literal["deny", "allow"]
    project: Annotated[str, Meta(pattern="^[0-9a-f]{16}[.][0-9a-f]{16}$")] | None = None


@routes.page(PATH, permission=Permission.ACCOUNT_READ)
def ask(request: Request, principal: PersonPrincipal) -> Answer:
    """Asks whether an app may read a project (RFC 6749, section 4.1.1)."""
    try:
        asked = authorization.read(request.query, request.repeated, now=request.now, deadline=request.deadline)
    except Redirected as wrong:
        return _refused(request, principal, wrong)
    return _question_page(request, principal, Question(asked, _known_target(request, principal, asked)), BLANK)


def _ask_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    sent = bodies.form_fields(request)
    question = seal.opened(sent.get("question", ""), principal.binding, now=request.now)
    return _question_page(request, principal, question, again(wrong), status=422)


@routes.form(PATH, permission=Permission.ACCOUNT_WRITE, again=_ask_again, body=Decision)
def decide(request: Request, principal: PersonPrincipal) -> Answer:
    """Takes the answer, and hands it to the app (RFC 6749, section 4.1.2)."""
    given = bodies.form_body(request, Decision)
    question = seal.opened(given.question, principal.binding, now=request.now)
    asked = question.request
    if given.decision == "deny":
        return _handed(authorization.refused(asked.redirect, SAID_NO))
    place = _reached(_decided_target(question, given), principal, request)
    code = codes.issue_code(_approval(asked, place), now=request.now, deadline=request.deadline)
    return _handed(authorization.granted(asked.redirect, code))


def _known_target(request: Request, principal: PersonPrincipal, asked: AuthorizationRequest) -> Target | None:
    """The project, where the app names it or there is only one; else None, and the person chooses."""
    resource = parse_resource(asked.resource)
    if resource.project_slug is not None:
        try:
            return targets.named(resource, principal.session, deadline=request.deadline).target
        except FactorMissing as missing:
            raise SecondFactorNeeded from missing
    reach = targets.reach(principal.session, deadline=request.deadline)
    if not reach.open:
        raise SecondFactorNeeded if reach.closed else NoProject
    return reach.open[0].target if len(reach.open) == 1 else None


def _decided_target(question: Question, given: Decision) -> Target:
    """Raises `SealBroken` where a project was sent that nobody was asked to choose."""
    if question.target is not None:
        if given.project is not None:
            raise SealBroken
        return question.target
    if given.project is None:
        raise FormWrong({"project": "Choose the project that it may read."}, {})
    org, project = map(bytes.fromhex, given.project.split("."))
    return Target(OrgId(org), ProjectId(project))


def _reached(target: Target, principal: PersonPrincipal, request: Request) -> Open:
    try:
        return targets.chosen(target, principal.session, deadline=request.deadline)
    except FactorMissing as missing:
        raise SecondFactorNeeded from missing


def _approval(asked: AuthorizationRequest, place: Open) -> Approval:
    return Approval(
        client_id=asked.client_id, client_name=asked.client_name, client_host=asked.client_host,
        client_kind=asked.client_kind, redirect_uri=asked.redirect.uri, challenge=asked.challenge, scope=asked.scope,
        resource=asked.resource, org=place.org.org, project=place.project.project, user=place.member.user,
        membership=place.member.membership,
    )  # fmt: skip


def _question_page(
    request: Request, principal: PersonPrincipal, question: Question, form: Form, *, status: int = 200
) -> Answer:
    asked, uri = question.request, question.request.redirect.uri
    client = called(asked.client_name, asked.client_host)
    proven = proof(asked.client_kind, asked.client_host)
    project, choices, left_out = _projects(question, principal, request)
    view = Consent(
        title=f"{client} asks to read {project or 'one of your projects'}", path=PATH, client=client, proof=proven,
        question=seal.sealed(question, principal.binding, now=request.now), back_to=redirects.host_of(uri),
        warning=AT_THIS_COMPUTER if redirects.is_loopback(uri) else "" if proven else UNVERIFIED, project=project,
        choices=choices, left_out=left_out, until=request.now + LONGEST_DAYS * DAY, form=form,
    )  # fmt: skip
    own = headers.of_page(form_action=f"'self' {redirects.origin_of(uri)}") | UNTOLD
    return shown(request, principal, view, status=status, own_headers=own)


def _projects(
    question: Question, principal: PersonPrincipal, request: Request
) -> tuple[str, tuple[tuple[str, str, str], ...], str]:
    """What the page says of the project: which it is; or which there are, and why others are not among them."""
    if question.target is not None:
        return _reached(question.target, principal, request).title, (), ""
    reach = targets.reach(principal.session, deadline=request.deadline)
    choices = tuple(
        (f"{each.org.org.hex()}.{each.project.project.hex()}", each.project.name, each.org.name) for each in reach.open
    )
    closed = ", ".join(org.name for org in reach.closed)
    return "", choices, f"Not among them: projects of {closed}, which requires a second factor." if closed else ""


def _refused(request: Request, principal: PersonPrincipal, wrong: Redirected) -> Answer:
    """The error, to the client; as a link where somebody signed in just now.

    A redirect that begins with a form is stopped at any origin which the form's page does not name, and the sign-in
    cannot know this one (Chromium, `form-action`).
    """
    url = authorization.refused(wrong.redirect, wrong.error)
    if request.headers.get("sec-fetch-site") != "same-origin":
        return _handed(url)
    client = redirects.host_of(wrong.redirect.uri)
    view = HandedBack(title="Nothing was given", client=client, detail=wrong.error.description, url=url)
    return shown(request, principal, view, status=400, own_headers=UNTOLD)


def _handed(url: str) -> Answer:
    """On to the client, with GET whatever came before (RFC 9700, section 4.12)."""
    return Answer(303, b"", {"Location": url, **UNTOLD})
