"""The local gateway: HTTP in front of the Chalice app, with API Gateway's manners, limits and error bodies.

    client -- HTTP --> granian -- ASGI --> Gateway -- proxy event --> app(event, context), in a thread of this process

granian's WSGI would lose what matters here: it decodes `%2F` in paths and joins repeated headers into one.
"""

import asyncio
import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from chalice import Chalice
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from infra.proxy import Answer, AnswerMalformed, Match, Request, Routes, answer, event

# AWS's quotas for REST APIs and for synchronous invocations of a function.
LARGEST_REQUEST: Final = 10 * 1024 * 1024
LARGEST_EVENT: Final = 6 * 1024 * 1024
LARGEST_HEADERS: Final = 10_240
INTEGRATION_SECONDS: Final = 29.0

HEADER_SECONDS: Final = 10.0
"""How long a client may take to send its headers, the first ones and those of each further request."""
BODY_SECONDS: Final = 30.0
"""How long a client may take to send its body, however it spreads the time."""
CONCURRENCY: Final = 32
"""How many requests run at once; the next ones wait, as behind a function's reserved concurrency."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Asgi = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

logger: Final = logging.getLogger("infra.gateway")
access: Final = logging.getLogger("infra.access")


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """One of API Gateway's own answers, made without asking the function."""

    status: int
    error_type: str
    message: str


# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
MISSING_AUTHENTICATION_TOKEN: Final = GatewayResponse(
    403, "MissingAuthenticationTokenException", "Missing Authentication Token"
)
REQUEST_TOO_LARGE: Final = GatewayResponse(413, "RequestTooLargeException", "Request Too Long")
BODY_BROKEN: Final = GatewayResponse(400, "BadRequestException", "Invalid request body")
REQUEST_TIMEOUT: Final = GatewayResponse(408, "RequestTimeoutException", "Request Timeout")
INTEGRATION_FAILURE: Final = GatewayResponse(502, "InternalServerErrorException", "Internal server error")
INTEGRATION_TIMEOUT: Final = GatewayResponse(504, "InternalServerErrorException", "Endpoint request timed out")


class Gateway:
    """An ASGI application that answers like a deployed REST API of this app.

    `headers` go on every answer that the gateway makes itself, as `infra` configures the deployed gateway's responses.
    An authorizer or an API key on a route would be enforced by AWS and is not here: such an app is refused.
    """

    def __init__(
        self,
        app: Chalice,
        *,
        stage: str,
        headers: Mapping[str, str],
        seconds: float = INTEGRATION_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        unguarded = [path for path, methods in app.routes.items() for entry in methods.values() if _needs_aws(entry)]
        if unguarded:
            raise ValueError(f"only AWS enforces the authorizer or the API key of {', '.join(unguarded)}")
        self._app = concurrent(app)
        self._routes = Routes(app.routes, stage=stage)
        self._stage = stage
        self._headers = tuple(headers.items())
        self._seconds = seconds
        self._body_seconds = body_seconds
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="function")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = str(uuid.uuid4())
        request = _request(scope)
        result = await self._received(request, receive, request_id)
        await _respond(send, result, request_id)
        milliseconds = (time.perf_counter() - started) * 1000
        # The path alone: query strings carry what people search for.
        access.info(
            "%s %s %s %d %d bytes %.1f ms %s",
            request.source,
            request.method,
            request.path,
            result.status,
            len(result.body),
            milliseconds,
            request_id,
        )

    async def _received(self, request: Request, receive: Receive, request_id: str) -> Answer:
        if _size(request) > LARGEST_HEADERS or int(request.header("content-length") or 0) > LARGEST_REQUEST:
            return self._own(REQUEST_TOO_LARGE)
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(receive)
        except TimeoutError:
            return self._own(REQUEST_TIMEOUT)
        except _BodyBroken:
            return self._own(BODY_BROKEN)
        if len(body) > LARGEST_REQUEST:
            return self._own(REQUEST_TOO_LARGE)
        return await self._answered(_with_body(request, body), request_id)

    async def _answered(self, request: Request, request_id: str) -> Answer:
        match = self._routes.match(request.path)
        methods = self._app.routes[match.resource] if match else {}
        if match is None or request.method not in methods:
            return self._preflight(methods) if request.method == "OPTIONS" else self._own(MISSING_AUTHENTICATION_TOKEN)
        return await self._invoked(request, match, request_id)

    def _preflight(self, methods: Mapping[str, Any]) -> Answer:
        """The mock integration that Chalice deploys for `OPTIONS` on a path where a route declares CORS."""
        shared = {method: entry.cors for method, entry in methods.items() if entry.cors is not None}
        if not shared:
            return self._own(MISSING_AUTHENTICATION_TOKEN)
        configured = next(iter(shared.values())).get_access_control_headers()
        headers = {
            "Access-Control-Allow-Methods": ",".join([*shared, "OPTIONS"]),
            **configured,
            "Content-Type": "application/json",
        }
        return Answer(status=200, headers=tuple(headers.items()))

    async def _invoked(self, request: Request, match: Match, request_id: str) -> Answer:
        payload = event(
            request,
            match,
            stage=self._stage,
            request_id=request_id,
            now=time.time(),
            binary_types=self._app.api.binary_types,
        )
        if _json_size(payload) > LARGEST_EVENT:
            return self._own(REQUEST_TOO_LARGE)
        context = Context("api", request_id, seconds=self._seconds)
        invocation = asyncio.get_running_loop().run_in_executor(self._threads, self._app, payload, context)
        try:
            # The function goes on after the gateway has given up on it, as it does on AWS.
            result = await asyncio.wait_for(asyncio.shield(invocation), self._seconds)
            if _json_size(result) > LARGEST_EVENT:
                raise AnswerMalformed("more than 6 MB")
            return answer(request, result, binary_types=self._app.api.binary_types)
        except TimeoutError:
            return self._own(INTEGRATION_TIMEOUT)
        except AnswerMalformed as error:
            logger.error("%s %s answered %s", request.method, match.resource, error)
        except Exception:
            logger.exception("%s %s ended in an exception", request.method, match.resource)
        return self._own(INTEGRATION_FAILURE)

    def _own(self, response: GatewayResponse) -> Answer:
        headers = [*self._headers, ("x-amzn-ErrorType", response.error_type)]
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
        return Answer(status=response.status, headers=headers, body=json.dumps({"message": response.message}).encode())


def concurrent(app: Chalice) -> Chalice:
    """The same app, safe to call from several threads.

    A Chalice app keeps the current request on itself, which is right where one process serves one request at a time.
    """
    if not isinstance(app, _PerThread):
        app.__class__ = type(app.__class__.__name__, (_PerThread, app.__class__), {})
    return app


class _PerThread(Chalice):
    _thread = threading.local()

    @property
    def current_request(self) -> Any:
        return getattr(self._thread, "request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._thread.request = value

    @property
    def lambda_context(self) -> Any:
        return getattr(self._thread, "context", None)

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        self._thread.context = value


class Context:
    """What Lambda passes beside the event: who is called, and how much time is left."""

    function_version = "$LATEST"
    memory_limit_in_mb = 1024

    def __init__(self, function_name: str, request_id: str, *, seconds: float) -> None:
        self.function_name = function_name
        self.aws_request_id = request_id
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function_name}"
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "local"
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends_at - time.monotonic()) * 1000))


def _needs_aws(entry: Any) -> bool:
    return bool(entry.authorizer or entry.api_key_required)


def _request(scope: Mapping[str, Any]) -> Request:
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
        source=scope["client"][0],
    )


def _with_body(request: Request, body: bytes) -> Request:
    return Request(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=body,
        source=request.source,
    )


def _size(request: Request) -> int:
    """Bytes of the request line and the headers, which AWS limits together."""
    return len(request.path) + len(request.query) + sum(len(name) + len(value) for name, value in request.headers)


class _BodyBroken(Exception):
    """The client left before its body was complete, or sent it in chunks that are none."""


async def _body(receive: Receive) -> bytes:
    """The whole body, or the first bytes of one that is too large."""
    chunks: list[bytes] = []
    size = 0
    while size <= LARGEST_REQUEST:
        message = await receive()
        if message["type"] != "http.request":
            raise _BodyBroken
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _json_size(payload: Any) -> int:
    """Bytes of an event or a result as Lambda counts them. Small ones are not worth the serialising."""
    body = payload.get("body") if isinstance(payload, dict) else None
    if not isinstance(body, str) or len(body) < LARGEST_EVENT // 6:
        return 0
    return len(json.dumps(payload, ensure_ascii=False, default=str).encode())


async def _respond(send: Send, result: Answer, request_id: str) -> None:
    headers = [*result.headers, ("x-amzn-RequestId", request_id)]
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    # granian adds its own name where this is missing, and has no option that stops it: emmett-framework/granian#594.
    encoded.append((b"server", b""))
    await send({"type": "http.response.start", "status": result.status, "headers": encoded})
    await send({"type": "http.response.body", "body": result.body})


class PortBusy(Exception):
    """Something else listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use")
        self.port = port


@contextmanager
def serving(gateway: Asgi, port: int = 0, *, header_seconds: float = HEADER_SECONDS) -> Iterator[str]:
    """Serves on loopback, from a thread, until the block ends; gives the URL. Port 0 takes a free one.

    Requests under way are finished before it returns. Raises `PortBusy`.
    """
    port = claim(port)
    server = Server(
        gateway,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        # While granian does not know yet which protocol it is to speak, it waits for ever.
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        backlog=512,
        http1_settings=HTTP1Settings(header_read_timeout=int(header_seconds * 1000), max_buffer_size=64 * 1024),
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, server), name="gateway")
    thread.start()
    try:
        _wait_until_it_listens(port, thread)
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, server: Server) -> None:
    asyncio.set_event_loop(loop)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(server.serve())


def claim(port: int) -> int:
    """The port if nothing listens on it, or a free one for 0. Raises `PortBusy`.

    granian shares its port with any other process that asks for sharing, so it would not notice a second server.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError as error:
            raise PortBusy(port) from error
        chosen: int = probe.getsockname()[1]
        return chosen


def _wait_until_it_listens(port: int, thread: threading.Thread) -> None:
    while thread.is_alive():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise PortBusy(port)
