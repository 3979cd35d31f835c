"""Routes: what a handler declares next to its path, and its way from Chalice's request to Chalice's response.

    @routes.get("/api/…/logs", permission=Permission.EVENTS_READ, query=Search, answers={200: Page})
    def search(request: Request, principal: Principal) -> Answer: ...

    @routes.page("/people", permission=Permission.ACCOUNT_READ)              # met by people: refusals are pages too
    @routes.form("/people", permission=Permission.ACCOUNT_WRITE, again=…)    # 303 after success, else `again`

    @routes.mcp("/mcp")                                                      # for programs alone, as OAuth wants it

One method a function, one permission a route. A route without one, or a GET that could change something, does not
start.
"""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from chalice import Blueprint, Chalice, CORSConfig, Response
from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import security_log
from chalicelib.identity.activity import Outcome
from chalicelib.identity.permissions import Permission
from chalicelib.web import limiting, problems, programs, resource_server
from chalicelib.web.bodies import form_body
from chalicelib.web.cookies import SESSION, dropped
from chalicelib.web.csrf import SAFE_METHODS
from chalicelib.web.declaration import Body, Declaration, RouteWrong
from chalicelib.web.guard import GrantPrincipal, Guest, PersonPrincipal, Principal, admitted
from chalicelib.web.problems import PROBLEMS, FormWrong, MethodRefused, Problems
from chalicelib.web.request import Request, current_request, local_path
from chalicelib.web.responses import Answer, response

__all__ = ["Body", "Declaration", "RouteWrong", "Routes", "declarations"]

Handler = TypeVar("Handler", bound=Callable[..., Answer])
"""`(request, principal) -> Answer`. Which kind of principal comes follows from the permission: only ingest keys have
`events:write`, query keys and members `events:read`; all else is for people, and what is `public` for guests too."""

Public = TypeVar("Public", bound=Callable[[Request], Answer])
Again = Callable[[Request, Any, FormWrong], Answer]
Somebody = Principal | Guest | None
"""Who was admitted. None where nobody was, or nobody was asked."""
Door = Callable[[Request, Declaration], Somebody]
Handle = Callable[[Request, Any], Answer]

ANY_TYPE: Final = ["*/*"]
"""Chalice would refuse unlisted content types in a shape of its own, and bodies are told by what is in them."""


class NoFields(Struct, frozen=True, forbid_unknown_fields=True):
    """What a form holds that is nothing but a button."""


class Routes(Blueprint):
    """A family of routes. `problems` are those of the exceptions that its handlers let pass."""

    def __init__(self, import_name: str, problems: Problems | None = None) -> None:
        super().__init__(import_name)
        self._problems: Problems = {**PROBLEMS, **(problems or {})}

    def get(self, path: str, *, permission: Permission, **declared: Any) -> Callable[[Handler], Handler]:
        return self._guarded("GET", path, permission, None, declared)

    def post(
        self, path: str, *, permission: Permission, cors: CORSConfig | None = None, **declared: Any
    ) -> Callable[[Handler], Handler]:
        return self._guarded("POST", path, permission, cors, declared)

    def put(self, path: str, *, permission: Permission, **declared: Any) -> Callable[[Handler], Handler]:
        return self._guarded("PUT", path, permission, None, declared)

    def patch(self, path: str, *, permission: Permission, **declared: Any) -> Callable[[Handler], Handler]:
        return self._guarded("PATCH", path, permission, None, declared)

    def delete(self, path: str, *, permission: Permission, **declared: Any) -> Callable[[Handler], Handler]:
        return self._guarded("DELETE", path, permission, None, declared)

    def page(self, path: str, *, permission: Permission, **declared: Any) -> Callable[[Handler], Handler]:
        """A GET whose answers people look at. Who is not signed in is led to the sign-in and back."""
        return self._guarded("GET", path, permission, None, {"kind": "page", **declared})

    def form(
        self, path: str, *, permission: Permission, again: Again, once: bool = False, **declared: Any
    ) -> Callable[[Handler], Handler]:
        """A POST of a form: 303 after success, so that going back and reloading never send it again.

        `again` shows the form with what is wrong next to its fields (`FormWrong`), as 422. With `once` success may be a
        page of its own: one that shows what no second request could. A form that declares no `body` has no fields.
        `shown_at` is the page with the form, where it is another than `path`.
        """

        def declare(handler: Handler) -> Handler:
            declaration = _declaration(
                "POST", path, permission, handler, {"kind": "form", "body": NoFields, **declared}
            )

            def handle(request: Request, principal: Somebody) -> Answer:
                if isinstance(declaration.body, type) and not declaration.body.__struct_fields__:
                    form_body(request, declaration.body)  # no handler would: it has nothing to read
                try:
                    answer = handler(request, principal)
                except FormWrong as wrong:
                    problems.note(wrong, self._problems)
                    answer = again(request, principal, wrong)
                assert answer.status >= 300 or once, f"{declaration.path} answers a form that it took without a 303"
                return answer

            self._serve(declaration, admitted, handle, None)
            return handler

        return declare

    def public(
        self, path: str, *, head: bool = False, cors: CORSConfig | None = None, **declared: Any
    ) -> Callable[[Public], Public]:
        """A GET that everybody may send and that asks nobody who they are; with `head` a HEAD too."""

        def declare(handler: Public) -> Public:
            for method in ("GET", "HEAD") if head else ("GET",):
                declaration = _declaration(method, path, Permission.PUBLIC, handler, declared)
                self._serve(declaration, _unasked, lambda request, _: handler(request), cors)
            return handler

        return declare

    def public_post(self, path: str, *, cors: CORSConfig | None = None, **declared: Any) -> Callable[[Public], Public]:
        """A POST of that kind. Cookies mean nothing to it, so no other site can send it in somebody's name."""

        def declare(handler: Public) -> Public:
            own = {"ignores_cookies": True, **declared}
            declaration = _declaration("POST", path, Permission.PUBLIC, handler, own)
            self._serve(declaration, _unasked, lambda request, _: handler(request), cors)
            return handler

        return declare

    def mcp(self, path: str) -> Callable[[Handler], Handler]:
        """A POST for programs that read events. GET and DELETE are refused with 405 to who may POST (there is no
        stream, and no session to end), and preflights are answered to the origins of the setting alone."""

        def declare(handler: Handler) -> Handler:
            read, door = Permission.EVENTS_READ, admitted
            for method, permission, passed, handle in (
                ("POST", read, door, handler),
                ("GET", read, door, _only_post),
                ("DELETE", read, door, _only_post),
                ("OPTIONS", Permission.PUBLIC, _unasked, _preflight),
            ):
                declaration = _declaration(method, path, permission, handle, {"kind": "mcp"})
                self._serve(declaration, passed, handle, None)
            return handler

        return declare

    def _guarded(
        self, method: str, path: str, permission: Permission, cors: CORSConfig | None, declared: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            declaration = _declaration(method, path, permission, handler, declared)
            self._serve(declaration, admitted, handler, cors)
            return handler

        return declare

    def _serve(self, declaration: Declaration, door: Door, handle: Handle, cors: CORSConfig | None) -> None:
        def view(**_: str) -> Response:
            request = current_request(self)
            answer = self._answered(door, handle, declaration, request)
            return response(answer, request_id=request.id, with_body=declaration.method != "HEAD")

        view.declaration = declaration  # type: ignore[attr-defined]  # where `Application` looks for it
        view.__doc__ = declaration.summary
        name = f"{declaration.method} {declaration.path}"
        self.route(declaration.path, name=name, methods=[declaration.method], content_types=ANY_TYPE, cors=cors)(view)

    def _answered(self, door: Door, handle: Handle, declaration: Declaration, request: Request) -> Answer:
        security_log.attend(request=request.id, source=request.source, method=request.method, route=declaration.path)
        principal: Somebody = None
        begun = time.monotonic()
        try:
            principal = door(request, declaration)
            answer = handle(request, principal)
        except Exception as error:  # noqa: BLE001  # the last resort: whatever happened becomes a problem
            problems.note(error, self._problems)
            answer = self._refused(error, declaration, request, principal)
        else:
            _note_done(declaration, answer)
        if isinstance(principal, GrantPrincipal) and declaration.kind == "api":
            outcome: Outcome = "ok" if answer.status < 400 else "error"
            programs.note(request, declaration, principal, outcome, begun=begun)
        if declaration.kind == "mcp":
            answer = resource_server.shared(request, answer)
        return _for_them_alone(answer, principal)

    def _refused(self, error: Exception, declaration: Declaration, request: Request, principal: Somebody) -> Answer:
        if declaration.kind == "mcp":
            return resource_server.challenged(request, error, problems.answer(error, self._problems))
        if declaration.kind in ("api", "file"):
            return problems.answer(error, self._problems)
        from chalicelib.web import pages

        way_back = local_path(declaration.shown_at or declaration.path, request.parameters)
        if declaration.method in SAFE_METHODS and request.query_text:
            way_back += f"?{request.query_text}"
        known = principal if isinstance(principal, PersonPrincipal) else None
        return pages.refusal(request, error, self._problems, way_back=way_back, person=known)


def declarations(app: Chalice) -> list[Declaration]:
    """What the routes of an application declare."""
    views: list[Any] = [entry.view_function for methods in app.routes.values() for entry in methods.values()]
    return [view.declaration for view in views]


def _note_done(declaration: Declaration, answer: Answer) -> None:
    """Notes what may have changed something. Events are no changes: what becomes of them is told in answers alone."""
    reads = declaration.method in SAFE_METHODS or declaration.kind == "mcp"
    if reads or not declaration.noted or declaration.permission is Permission.EVENTS_WRITE or answer.status >= 400:
        return
    said = " ".join(answer.cookies)
    if dropped(SESSION) in said:
        security_log.write("session.end")
    else:
        security_log.write("session.begin" if f"{SESSION}=" in said else "done")


def _only_post(request: Request, _: Somebody) -> Answer:
    """Says that there is nothing to get and nothing to delete here."""
    raise MethodRefused(request.method, ("POST",))


def _preflight(request: Request, _: Somebody) -> Answer:
    """Tells a browser whether its page may call."""
    return resource_server.preflight(request)


def _unasked(request: Request, _: Declaration) -> None:
    """The door of what asks nobody who they are."""
    limiting.count_visitor(request)


def _for_them_alone(answer: Answer, principal: Somebody) -> Answer:
    """What somebody is shown who is signed in stays in no cache, whatever the handler thinks of it.

    The handler's cookies come last, so that they count: it may have signed them out.
    """
    if not isinstance(principal, PersonPrincipal):
        return answer
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "cache-control"}
    return replace(answer, headers=headers, cookies=(*principal.new_cookies, *answer.cookies))


def _declaration(
    method: str, path: str, permission: Permission, handler: Callable[..., Answer], declared: dict[str, Any]
) -> Declaration:
    summary, _, description = (handler.__doc__ or "").strip().partition("\n")
    text = " ".join(description.split())
    return Declaration(method=method, path=path, permission=permission, summary=summary, description=text, **declared)
