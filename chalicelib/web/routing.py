"""Routes: what a handler declares next to its path, and its way from Chalice's request to Chalice's response.

    @routes.get("/api/…/logs", permission=Permission.EVENTS_READ, query=Search, answer=Page)
    def search(request: Request, principal: Principal) -> Answer: ...

One method a function, one permission a route. A route without one, or a GET that could change something, does not
start.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from chalice import Blueprint, Chalice, CORSConfig, Response
from msgspec import Struct

from chalicelib.identity.permissions import READS, Permission
from chalicelib.web import problems
from chalicelib.web.guard import Principal, admitted
from chalicelib.web.problems import PROBLEMS, Problems
from chalicelib.web.request import Request, current_request
from chalicelib.web.responses import Answer, response

Guarded = TypeVar("Guarded", bound=Callable[[Request, Principal], Answer])
Public = TypeVar("Public", bound=Callable[[Request], Answer])

ANY_TYPE: Final = ["*/*"]
"""Chalice would refuse unlisted content types in a shape of its own, and bodies are told by what is in them."""


class RouteWrong(Exception):
    """A declaration that must not be served."""


class Body(Struct, frozen=True):
    """What a route reads, by media type: the description of each."""

    description: str
    media_types: tuple[str, ...]
    shape: Any
    headers: Mapping[str, str] = {}


class Declaration(Struct, frozen=True, kw_only=True):
    """All that is known of a route but what it does: `openapi.json` and the tests of permissions are made from it."""

    method: str
    path: str
    permission: Permission
    summary: str
    description: str
    query: type[Struct] | None = None
    body: Body | None = None
    answers: Mapping[int, Any] = {}
    """The type of the answer by status; bytes are described by their media type alone."""
    media_types: tuple[str, ...] = ("application/json",)
    refusals: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.method in ("GET", "HEAD") and self.permission not in READS:
            raise RouteWrong(f"{self.method} {self.path} declares {self.permission}, which is no permission to read")


class Routes(Blueprint):
    """A family of routes. `problems` are those of the exceptions that its handlers let pass."""

    def __init__(self, import_name: str, problems: Problems | None = None) -> None:
        super().__init__(import_name)
        self._problems: Problems = {**PROBLEMS, **(problems or {})}

    def get(self, path: str, *, permission: Permission, **declared: Any) -> Callable[[Guarded], Guarded]:
        return self._guarded("GET", path, permission, None, declared)

    def post(
        self, path: str, *, permission: Permission, cors: CORSConfig | None = None, **declared: Any
    ) -> Callable[[Guarded], Guarded]:
        return self._guarded("POST", path, permission, cors, declared)

    def public(self, path: str, *, head: bool = False, **declared: Any) -> Callable[[Public], Public]:
        """A GET that everybody may send; with `head` a HEAD too."""

        def declare(handler: Public) -> Public:
            for method in ("GET", "HEAD") if head else ("GET",):
                declaration = _declaration(method, path, Permission.PUBLIC, handler, declared)
                self._serve(declaration, handler, None)
            return handler

        return declare

    def _guarded(
        self, method: str, path: str, permission: Permission, cors: CORSConfig | None, declared: dict[str, Any]
    ) -> Callable[[Guarded], Guarded]:
        def declare(handler: Guarded) -> Guarded:
            declaration = _declaration(method, path, permission, handler, declared)
            self._serve(declaration, lambda request: handler(request, admitted(request, permission)), cors)
            return handler

        return declare

    def _serve(self, declaration: Declaration, handle: Callable[[Request], Answer], cors: CORSConfig | None) -> None:
        def view(**_: str) -> Response:
            request = current_request(self)
            return response(
                self._answered(handle, request), request_id=request.id, with_body=declaration.method != "HEAD"
            )

        view.declaration = declaration  # type: ignore[attr-defined]  # where `Application` looks for it
        view.__doc__ = declaration.summary
        name = f"{declaration.method} {declaration.path}"
        self.route(declaration.path, name=name, methods=[declaration.method], content_types=ANY_TYPE, cors=cors)(view)

    def _answered(self, handle: Callable[[Request], Answer], request: Request) -> Answer:
        try:
            return handle(request)
        except Exception as error:  # noqa: BLE001  # the last resort: whatever happened becomes a problem
            return problems.answer(error, self._problems)


def declarations(app: Chalice) -> list[Declaration]:
    """What the routes of an application declare."""
    views: list[Any] = [entry.view_function for methods in app.routes.values() for entry in methods.values()]
    return [view.declaration for view in views]


def _declaration(
    method: str, path: str, permission: Permission, handler: Callable[..., Answer], declared: dict[str, Any]
) -> Declaration:
    summary, _, description = (handler.__doc__ or "").strip().partition("\n")
    text = " ".join(description.split())
    return Declaration(method=method, path=path, permission=permission, summary=summary, description=text, **declared)
