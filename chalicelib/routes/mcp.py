"""The address that assistants speak with: messages of the Model Context Protocol, about one project.

Who is asking was decided at the door, before anything of the message is read (O27). What an app asks by a connection is
noted for the people whose project it is (O28). Nothing here is imported before the first message comes.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from chalicelib import settings
from chalicelib.identity.activity import Call, note_call
from chalicelib.identity.orgs import org_by_id
from chalicelib.routes.scope import scope_of
from chalicelib.web import VERSION
from chalicelib.web.guard import GrantPrincipal, KeyPrincipal
from chalicelib.web.problems import NotFound
from chalicelib.web.programs import NOTING_SECONDS
from chalicelib.web.request import Request
from chalicelib.web.responses import JSON, Answer
from chalicelib.web.routing import Routes

if TYPE_CHECKING:
    from chalicelib.mcp.context import Context
    from chalicelib.mcp.protocol import Reply

ANSWER_SECONDS: Final = 20.0
"""Of the request's time, for the answer; the rest is for noting it, and for the way back."""

routes = Routes(__name__)

Program = KeyPrincipal | GrantPrincipal


@routes.mcp("/mcp/{org}/{project}")
def speak_about_the_named_project(request: Request, principal: Program) -> Answer:
    """Answers a message of the Model Context Protocol.

    The project is the one that the address names, and that the key or the access token is for.
    """
    return _answered(request, principal)


@routes.mcp("/mcp")
def speak_about_the_granted_project(request: Request, principal: Program) -> Answer:
    """Answers a message of the Model Context Protocol.

    The project is the one that the key or the access token is for.
    """
    return _answered(request, principal)


def _answered(request: Request, principal: Program) -> Answer:
    from chalicelib.mcp import catalogue, protocol
    from chalicelib.mcp.registry import Server

    begun = time.monotonic()
    server = Server(
        registry=catalogue.REGISTRY,
        context=_context(request, principal),
        version=VERSION,
        instructions=catalogue.INSTRUCTIONS,
    )
    reply = protocol.answer(request.body, _headers(request), server)
    if isinstance(principal, GrantPrincipal):
        _note(request, principal, reply, begun)
    media_type = {} if reply.body is None else {"Content-Type": JSON}
    return Answer(reply.status, reply.body or b"", {**media_type, **reply.headers})


def _context(request: Request, principal: Program) -> "Context":
    from chalicelib.mcp.context import Context

    project = principal.project
    org = org_by_id(project.org, deadline=request.deadline)
    if org is None:
        raise NotFound
    return Context(
        scope=scope_of(principal),
        org=org.slug,
        project=project.slug,
        name=project.name,
        url=settings.current().url,
        now_ms=request.now_ms,
        deadline=request.deadline_within(ANSWER_SECONDS),
    )


def _headers(request: Request) -> Mapping[str, str]:
    """A header that repeats the message must come once: which one those between looked at is anybody's guess."""
    from chalicelib.mcp.headers import MIRRORED

    return {**request.headers, **dict.fromkeys(MIRRORED & request.repeated_headers, "")}


def _note(request: Request, principal: GrantPrincipal, reply: "Reply", begun: float) -> None:
    took_ms = round((time.monotonic() - begun) * 1000)
    call = Call(request.now_ms, reply.what, reply.outcome, reply.rows, took_ms)
    note_call(principal.grant, call, deadline=request.deadline_within(NOTING_SECONDS))
