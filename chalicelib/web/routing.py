"""Routes: what a handler declares next to its path, and its way from Chalice's request to Chalice's response.

    @routes.get("/api/…/logs", permission=Permission.EVENTS_READ, query=Search, answers={200: Page})
    def search(request: Request, principal: Principal) -> Answer: ...

    @routes.page("/people", permission=Permission.ACCOUNT_READ)              # met by people: refusals are pages too
    @routes.form("/people", permission=Permission.ACCOUNT_WRITE, again=…)    # 303 after success, else `again`

One method a function, one permission a route. A route without one, or a GET that could change something, does not
start.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from chalice import Blueprint, Chalice, CORSConfig, Response
from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity.permissions import Permission
from chalicelib.web import limiting, problems
from chalicelib.web.bodies import form_body
from chalicelib.web.declaration import Body, Declaration, RouteWrong
from chalicelib.web.guard import PersonPrincipal, admitted
from chalicelib.web.problems import PROBLEMS, FormWrong, Problems
from chalicelib.web.request import Request, current_request, local_path
from chalicelib.web.responses import Answer, response

__all__ = ["Body", "Declaration", "RouteWrong", "Routes", "declarations"]

Handler = TypeVar("Handler", bound=Callable[..., Answer])
"""`(request, principal) -> Answer`. Which kind of principal comes follows from the permission: only ingest keys have
`events:write`, query keys and members `events:read`; all else is for people, and what is `public` for guests too."""

Public = TypeVar("Public", bound=Callable[[Request], Answer])
Again = Callable[[Request, Any, FormWrong], Answer]
Handle = Callable[[Request], Answer]

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

            def handle(request: Request) -> Answer:
                principal = admitted(request, declaration)
                if isinstance(declaration.body, type) and not declaration.body.__struct_fields__:
                    form_body(request, declaration.body)  # no handler would: it has nothing to read
                try:
                    answer = handler(request, principal)
                except FormWrong as wrong:
                    answer = again(request, principal, wrong)
                assert answer.status >= 300 or once, f"{declaration.path} answers a form that it took without a 303"
                return _private(answer, principal)

            self._serve(declaration, handle, None)
            return handler

        return declare

    def public(self, path: str, *, head: bool = False, **declared: Any) -> Callable[[Public], Public]:
        """A GET that everybody may send and that asks nobody who they are; with `head` a HEAD too."""

        def declare(handler: Public) -> Public:
            def handle(request: Request) -> Answer:
                limiting.count_visitor(request)
                return handler(request)

            for method in ("GET", "HEAD") if head else ("GET",):
                self._serve(_declaration(method, path, Permission.PUBLIC, handler, declared), handle, None)
            return handler

        return declare

    def _guarded(
        self, method: str, path: str, permission: Permission, cors: CORSConfig | None, declared: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            declaration = _declaration(method, path, permission, handler, declared)

            def handle(request: Request) -> Answer:
                principal = admitted(request, declaration)
                return _private(handler(request, principal), principal)

            self._serve(declaration, handle, cors)
            return handler

        return declare

    def _serve(self, declaration: Declaration, handle: Handle, cors: CORSConfig | None) -> None:
        def view(**_: str) -> Response:
            request = current_request(self)
            answer = self._answered(handle, declaration, request)
            return response(answer, request_id=request.id, with_body=declaration.method != "HEAD")

        view.declaration = declaration  # type: ignore[attr-defined]  # where `Application` looks for it
        view.__doc__ = declaration.summary
        name = f"{declaration.method} {declaration.path}"
        self.route(declaration.path, name=name, methods=[declaration.method], content_types=ANY_TYPE, cors=cors)(view)

    def _answered(self, handle: Handle, declaration: Declaration, request: Request) -> Answer:
        try:
            return handle(request)
        except Exception as error:  # noqa: BLE001  # the last resort: whatever happened becomes a problem
            if declaration.kind == "api":
                return problems.answer(error, self._problems)
            return _refused_page(request, declaration, error, self._problems)


def declarations(app: Chalice) -> list[Declaration]:
    """What the routes of an application declare."""
    views: list[Any] = [entry.view_function for methods in app.routes.values() for entry in methods.values()]
    return [view.declaration for view in views]


def _refused_page(request: Request, declaration: Declaration, error: Exception, known: Problems) -> Answer:
    from chalicelib.web import pages

    shown_at = declaration.shown_at or declaration.path
    return pages.refusal(request, error, known, way_back=local_path(shown_at, request.parameters))


def _private(answer: Answer, principal: object) -> Answer:
    """What somebody is shown who is signed in stays in no cache, whatever the handler thinks of it."""
    if not isinstance(principal, PersonPrincipal):
        return answer
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "cache-control"}
    return replace(answer, headers=headers)


def _declaration(
    method: str, path: str, permission: Permission, handler: Callable[..., Answer], declared: dict[str, Any]
) -> Declaration:
    summary, _, description = (handler.__doc__ or "").strip().partition("\n")
    text = " ".join(description.split())
    return Declaration(method=method, path=path, permission=permission, summary=summary, description=text, **declared)
