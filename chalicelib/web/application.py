"""The Chalice application with its rough edges taken off.

Chalice answers some requests itself, before any handler: in a shape of its own and without our headers. And it refuses,
after the handler ran, to send what the client did not name in `Accept`. Both end here. And here is measured how long an
answer took: for the journal (`web.request_log`), and for the client where it may be said (`web.timing`).
"""

import time
from typing import Any

from chalice import Chalice

from chalicelib.web import problems, request_log, timing
from chalicelib.web.declaration import Declaration, RouteWrong
from chalicelib.web.problems import MethodRefused, NotFound
from chalicelib.web.request import request_id
from chalicelib.web.responses import Answer, response


class Application(Chalice):
    """Serves declared routes only."""

    def __init__(self, name: str) -> None:
        super().__init__(name, configure_logs=False)
        self.api.binary_types = ["*/*"]
        """Every body travels as base64: compressed ones survive, and no answer depends on what `Accept` says."""

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        request_log.begin(event, context)
        begun = time.perf_counter()
        refused = self._refused(event)
        with timing.watched() as spent:
            given = self._answered(event, context) if refused is None else self._sent(refused, event, context)
        seconds = time.perf_counter() - begun
        request_log.end(given["statusCode"], seconds=seconds, store_calls=len(spent.store))
        if refused is None and timing.is_told(self._declaration(event), given["statusCode"]):
            given["headers"][timing.HEADER] = timing.told(seconds, spent)
        return given

    def _answered(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        given: dict[str, Any] = super().__call__(_with_accept(event), context)
        if "X-Request-Id" in given["headers"]:
            return given
        fault = ChaliceAnswered(given["statusCode"])
        problems.note(fault)
        return self._sent(problems.answer(fault), event, context)

    def _register_route(self, name: str, user_handler: Any, kwargs: Any, **unused: Any) -> None:
        if not isinstance(getattr(user_handler, "declaration", None), Declaration):
            raise RouteWrong(f"{kwargs['path']} declares no permission: declare it with `web.routing.Routes`")
        super()._register_route(name, user_handler, kwargs, **unused)

    def _refused(self, event: dict[str, Any]) -> Answer | None:
        context = event.get("requestContext", {})
        methods = self.routes.get(context.get("resourcePath"), {})
        if not methods:
            return problems.answer(NotFound())
        method = context.get("httpMethod", "")
        return None if method in methods else problems.answer(MethodRefused(method, tuple(methods)))

    def _declaration(self, event: dict[str, Any]) -> Declaration:
        """Of the route that answers: `_refused` says where there is none."""
        context = event["requestContext"]
        view: Any = self.routes[context["resourcePath"]][context["httpMethod"]].view_function
        declaration: Declaration = view.declaration
        return declaration

    def _sent(self, answer: Answer, event: dict[str, Any], context: Any) -> dict[str, Any]:
        sent: dict[str, Any] = response(answer, request_id=request_id(event, context)).to_dict(self.api.binary_types)
        return sent


class ChaliceAnswered(Exception):
    """Chalice made an answer of its own, which none of our handlers caused."""


def _with_accept(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"headers": {"accept": "*/*"} | {k.lower(): v for k, v in (event.get("headers") or {}).items()}}
