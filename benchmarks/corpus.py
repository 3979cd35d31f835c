"""A shop's traffic, made up: deterministic events of about 500 B of JSON, with the entropy of real ones.

Eight services serve requests. A request leaves one to four events that share a trace, a request id, a user and an
address; requests overlap. Which template a message comes from decides its service, level, type and metadata keys, as
in real code. What no compressor can remove, an event:

    8.0 B  span id, new for every event
    8.8 B  trace id, 16 B shared by 1.8 events
    1.1 B  request id, a counter that skips, shared by 1.8 events
    0.9 B  time of day, to the millisecond
    0.6 B  which of 60 templates, some thirty times as frequent as others
    0.8 B  user, of 3,000 in a skewed crowd; the user decides session, address, device, country and browser
    0.8 B  duration, log-normal
    2-3 B  order numbers (recent ones), amounts, products, routes, statuses, counters, pods: the templates' own fields

which is about 24 B. zstd-9 on NDJSON of it gives 145, 75, 61 and 54 B an event (N = 10, 100, 500, 5000). A million
production-like events were measured at 159, 76, 58 and 50: this one is a little kinder to small blocks, because its
messages are shorter, and harder on large ones.
"""

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from math import exp
from typing import Any, Final, NamedTuple

import msgspec

START_MS: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


def events(
    count: int, *, seed: int = 1, start_ms: int = START_MS, per_second: float = 100.0
) -> Iterator[dict[str, Any]]:
    """Yield `count` events in the shape clients send, ascending by timestamp. Equal arguments, equal events."""
    return islice(_stream(random.Random(seed), start_ms, per_second), count)


def ndjson(rows: Iterable[dict[str, Any]]) -> bytes:
    """One JSON object a line, each line ended."""
    return msgspec.json.Encoder().encode_lines(rows)


def ingest_body(rows: Iterable[dict[str, Any]]) -> bytes:
    """The body of `POST /api/ingest`."""
    return msgspec.json.encode({"events": list(rows)})


class _Request:
    """What the events of one request have in common."""

    __slots__ = ("address", "chance", "device", "environment", "fields", "id", "session", "trace", "user")

    def __init__(self, chance: random.Random, serial: int) -> None:
        self.chance = chance
        self.id = f"req-{0x5C0A7000 + serial * 3 + chance.randrange(3):08x}"
        self.trace = f"{chance.getrandbits(128):032x}"
        rank = int(_USERS * chance.random() ** 5)
        self.user = f"usr_{rank * 7919 % 90_000 + 10_000}"
        mixed = (rank + 1) * 2_654_435_761 % 2**32
        self.session = f"s-{mixed:08x}{chance.randrange(2):01d}"
        self.address = f"{_NETWORKS[mixed % 40]}.{mixed >> 8 & 255}.{mixed >> 16 & 255}"
        self.device = _DEVICES[mixed % len(_DEVICES)]
        self.environment = _pick(chance, _ENVIRONMENTS)
        latest = serial // 9 - int(chance.expovariate(1 / 30))
        self.fields: dict[str, Any] = {
            "order_id": f"ord_{48_211_000 + latest}",
            "order_number": 731_000 + latest,
            "country": _COUNTRIES[mixed % len(_COUNTRIES)],
            "client_ip": self.address,
            "user": self.user,
            "session": self.session,
            "user_agent": _AGENTS[mixed % len(_AGENTS)],
        }

    def field(self, name: str) -> Any:
        """The request's value of a field: drawn once, so that the events of a request agree."""
        value = self.fields.get(name)
        if value is None:
            value = self.fields[name] = _FIELDS[name](self.chance)
        return value


class _Template(NamedTuple):
    service: str
    level: str
    type: str
    message: str
    logger: str
    names: tuple[str, ...]
    "The fields the message shows."
    metadata: tuple[str, ...]
    calls: bool
    "Whether message or metadata speak of an HTTP call."


def _stream(chance: random.Random, start_ms: int, per_second: float) -> Iterator[dict[str, Any]]:
    pods = _pods(random.Random(7))
    pending: list[tuple[float, int, _Request, _Template]] = []
    clock, serial = float(start_ms), 0
    while True:
        clock += chance.expovariate(per_second / _EVENTS_A_REQUEST) * 1000
        while pending and pending[0][0] < clock:
            moment, _, request, template = heapq.heappop(pending)
            yield _event(int(moment), request, template, pods)
        request, moment = _Request(chance, serial), clock
        for template in _templates_of(chance):
            serial += 1
            heapq.heappush(pending, (moment, serial, request, template))
            moment += chance.expovariate(1 / 12)


def _templates_of(chance: random.Random) -> list[_Template]:
    size = chance.choices((1, 2, 3, 4), cum_weights=(46, 80, 93, 100))[0]
    return chance.choices(_TEMPLATES, cum_weights=_CUMULATED, k=size)


def _event(timestamp: int, request: _Request, template: _Template, pods: dict[str, list[str]]) -> dict[str, Any]:
    chance, service = request.chance, template.service
    shown = _http(request, template) if template.calls else {}
    for name in template.names:
        shown[name] = _own(request, name)
    event: dict[str, Any] = {
        "timestamp": timestamp,
        "level": template.level,
        "type": template.type,
        "message": template.message.format_map(shown),
        "service": service,
        "environment": request.environment,
        "trace_id": request.trace,
        "span_id": f"{chance.getrandbits(64):016x}",
    }
    if template.type != "cron":
        event["user_id"] = request.user
        if service in _FACING:
            event["session_id"] = request.session
            event["device_type"] = request.device
    metadata: dict[str, Any] = {
        "pod": pods[service][int(len(pods[service]) * chance.random())],
        "release": _RELEASES[service],
        "logger": template.logger,
        "request_id": request.id,
    }
    for name in template.metadata:
        if name == "http":
            metadata["http"] = {"method": shown["method"], "route": shown["route"], "status": shown["status"]}
        else:
            metadata[name] = shown[name] if name in shown else _own(request, name)
    event["metadata"] = metadata
    return event


def _own(request: _Request, name: str) -> Any:
    return request.field(name) if name in _SHARED else _FIELDS[name](request.chance)


def _http(request: _Request, template: _Template) -> dict[str, Any]:
    method, route = _ROUTES[template.service][int(len(_ROUTES[template.service]) * request.chance.random() ** 3)]
    status = 500 if template.level == "error" else _pick(request.chance, _STATUSES)
    path = route.replace("{id}", str(request.field("order_number"))).replace("{sku}", request.field("sku"))
    return {"method": method, "route": route, "path": path, "status": status}


def _pick(chance: random.Random, table: tuple[Sequence[Any], Sequence[float]]) -> Any:
    return chance.choices(table[0], cum_weights=table[1])[0]


def _pods(chance: random.Random) -> dict[str, list[str]]:
    letters = "bcdfghjklmnpqrstvwxz2456789"

    def text(size: int) -> str:
        return "".join(chance.choices(letters, k=size))

    return {
        service: [f"{service}-{replica_set}-{text(5)}" for replica_set in (text(10),) for _ in range(replicas)]
        for service, replicas in _REPLICAS.items()
    }


def _log_normal(middle: float, digits: int) -> Callable[[random.Random], float]:
    return lambda chance: round(middle * exp(chance.gauss(0, 0.6)), digits)


def _whole(middle: float) -> Callable[[random.Random], int]:
    return lambda chance: int(middle * exp(chance.gauss(0, 0.6)))


def _one_of(*values: Any) -> Callable[[random.Random], Any]:
    return lambda chance: values[int(len(values) * chance.random() ** 3)]


_EVENTS_A_REQUEST: Final = 1.81
_USERS: Final = 3_000
_FACING: Final = frozenset(("web", "gateway", "accounts"))
_NETWORKS: Final = tuple(f"{a}.{b}" for a in (81, 84, 93, 178, 212) for b in (13, 44, 101, 118, 160, 187, 203, 241))
_DEVICES: Final = ("desktop", "mobile", "mobile", "desktop", "mobile", "desktop", "tablet")
_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.1 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 10; K) Chrome/143.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
    "ShopApp/7.41.2 (iPad; iOS 18.5; Scale/2.00)",
    "ShopApp/7.40.0 (Pixel 9; Android 16)",
)
_COUNTRIES: Final = ("DE", "DE", "FR", "NL", "PL", "ES", "IT", "AT", "BE", "SE", "DK")
_ENVIRONMENTS: Final = (("production", "staging"), (98, 100))
_STATUSES: Final = ((200, 201, 204, 304, 400, 404, 429), (84, 90, 94, 96, 97, 99, 100))
_REPLICAS: Final = {
    "web": 3, "gateway": 3, "accounts": 2, "catalog": 2, "checkout": 2, "payments": 2, "inventory": 1, "mailer": 1,
}  # fmt: skip
_RELEASES: Final = {
    "web": "2026.1.14", "gateway": "v3.18.2", "accounts": "v5.2.0", "catalog": "v11.0.7", "checkout": "v8.4.1",
    "payments": "v2.30.0", "inventory": "v1.9.12", "mailer": "v4.4.4",
}  # fmt: skip
_ROUTES: Final = {
    "web": (("GET", "/products/{sku}"), ("GET", "/"), ("GET", "/cart"), ("GET", "/account/orders/{id}")),
    "gateway": (
        ("GET", "/api/v2/products/{sku}"), ("GET", "/api/v2/cart"), ("POST", "/api/v2/cart/items"),
        ("GET", "/api/v2/orders/{id}"), ("POST", "/api/v2/orders"), ("GET", "/api/v2/search"),
    ),
    "accounts": (("POST", "/v1/sessions"), ("GET", "/v1/users/me"), ("PATCH", "/v1/users/me")),
    "catalog": (("GET", "/v1/products/{sku}"), ("GET", "/v1/search"), ("GET", "/v1/categories")),
    "checkout": (("POST", "/v1/orders"), ("GET", "/v1/orders/{id}"), ("POST", "/v1/orders/{id}/confirm")),
    "payments": (("POST", "/v1/charges"), ("POST", "/v1/refunds"), ("POST", "/webhooks/psp")),
    "inventory": (("POST", "/v1/reservations"), ("GET", "/v1/stock/{sku}")),
    "mailer": (("POST", "/v1/messages"),),
}  # fmt: skip
_SHARED: Final = frozenset(
    "amount cart_items client_ip country currency order_id order_number provider session sku user user_agent".split()
)
_FIELDS: Final[dict[str, Callable[[random.Random], Any]]] = {
    "amount": lambda chance: round(38 * exp(chance.gauss(0, 0.9)), 2),
    "attempt": _one_of(1, 2, 3),
    "breaker": _one_of("closed", "half-open", "open"),
    "bytes": _whole(2200),
    "cache": _one_of("product:v3", "category:v1", "price:v2", "session:v1"),
    "cart_items": _one_of(1, 2, 3, 4, 5, 8),
    "currency": _one_of("EUR", "EUR", "PLN", "SEK"),
    "db_ms": _log_normal(4, 1),
    "duration_ms": _whole(24),
    "feature": _one_of("new-checkout", "search-v2", "fast-cart", "express-pay"),
    "hit": _one_of(True, True, False),
    "job": _one_of("reindex-products", "expire-carts", "sync-stock", "send-digest", "settle-payouts"),
    "provider": _one_of("stripe", "adyen", "klarna"),
    "queue": _one_of("orders", "mail", "stock", "events"),
    "queue_depth": _whole(12),
    "reason": _one_of("insufficient_funds", "do_not_honor", "expired_card", "3ds_failed"),
    "results": _whole(20),
    "retry_in_ms": _one_of(100, 200, 400, 800, 1600),
    "rows": _whole(9),
    "screen": _one_of("/home", "/product", "/cart", "/checkout/address", "/checkout/payment", "/account"),
    "sku": lambda chance: f"SKU-{int(2000 * chance.random() ** 3):05d}",
    "table": _one_of("orders", "products", "users", "stock", "sessions", "payments"),
    "template": _one_of("order-confirmation", "shipping-update", "password-reset", "welcome"),
    "upstream": _one_of("catalog", "checkout", "payments", "inventory"),
    "warehouse": _one_of("ams-1", "ber-2", "waw-1"),
}

_CALL: Final = ("http", "duration_ms", "client_ip")
_DATABASE: Final = ("table", "rows", "db_ms")
_ORDER: Final = ("order_id", "amount", "currency", "cart_items", "country")

# weight, service, level, type, message, metadata
_TABLE: Final = (
    (180, "gateway", "info", "api_call", "{method} {path} {status} in {duration_ms} ms", _CALL),
    (60, "gateway", "info", "api_call", "proxied {method} {path} to {upstream} in {duration_ms} ms",
     (*_CALL, "upstream")),
    (22, "gateway", "debug", "api_call", "rate limit bucket of {client_ip} refilled, {rows} left",
     ("http", "client_ip")),
    (7, "gateway", "warn", "api_call", "slow upstream {upstream}: {duration_ms} ms", (*_CALL, "upstream", "breaker")),
    (3, "gateway", "warn", "api_call", "client closed connection before response from {upstream}",
     (*_CALL, "upstream")),
    (5, "gateway", "error", "api_call", "upstream {upstream} returned 500 after {duration_ms} ms",
     (*_CALL, "upstream")),
    (2, "gateway", "error", "api_call", "circuit breaker opened for {upstream}",
     ("upstream", "breaker", "retry_in_ms")),
    (110, "web", "info", "navigation", "page view {screen} by {user}, painted in {duration_ms} ms",
     ("screen", "duration_ms", "client_ip", "country", "user_agent")),
    (24, "web", "info", "session", "heartbeat of session {session}, idle {rows} s",
     ("screen", "client_ip", "country", "user_agent")),
    (12, "web", "info", "custom", "product {sku} added to cart", ("sku", "cart_items", "currency", "client_ip")),
    (8, "web", "debug", "custom", "feature flag {feature} evaluated", ("feature", "hit", "client_ip")),
    (12, "web", "debug", "navigation", "prefetched {screen} in {duration_ms} ms",
     ("screen", "duration_ms", "client_ip")),
    (4, "web", "warn", "custom", "slow render of {screen}: {duration_ms} ms", ("screen", "duration_ms", "client_ip")),
    (3, "web", "error", "crash", "TypeError: Cannot read properties of undefined (reading 'price') at {screen}",
     ("screen", "sku", "client_ip")),
    (1, "web", "error", "crash", "ChunkLoadError: Loading chunk 42 failed at {screen}", ("screen", "client_ip")),
    (30, "accounts", "info", "session", "user {user} signed in from {client_ip} in {db_ms} ms",
     ("country", "client_ip", "duration_ms", "user_agent")),
    (14, "accounts", "info", "session", "session {session} refreshed", ("client_ip", "duration_ms")),
    (8, "accounts", "info", "api_call", "profile of {user} updated in {duration_ms} ms",
     ("http", "duration_ms", "client_ip")),
    (9, "accounts", "debug", "custom", "session lookup took {db_ms} ms", _DATABASE),
    (6, "accounts", "warn", "session", "failed sign-in attempt {attempt} from {country}",
     ("attempt", "country", "client_ip")),
    (2, "accounts", "warn", "session", "password reset requested by {user}", ("client_ip", "country")),
    (1, "accounts", "error", "api_call", "token verification failed: signature expired", ("http", "client_ip")),
    (90, "catalog", "info", "api_call", "{method} {path}: product {sku} served in {duration_ms} ms",
     ("http", "sku", "duration_ms", "hit")),
    (26, "catalog", "info", "api_call", "search returned {results} results in {duration_ms} ms",
     ("http", "results", "duration_ms", "country")),
    (66, "catalog", "debug", "custom", "cache lookup {cache} for {sku} hit={hit}", ("cache", "sku", "hit")),
    (40, "catalog", "debug", "custom", "query on {table} returned {rows} rows in {db_ms} ms", _DATABASE),
    (4, "catalog", "warn", "custom", "cache {cache} miss rate above threshold", ("cache", "results", "hit")),
    (3, "catalog", "warn", "custom", "product {sku} has no price in {currency}", ("sku", "currency", "country")),
    (3, "catalog", "error", "api_call", "search backend timed out after {duration_ms} ms", ("http", "duration_ms")),
    (28, "checkout", "info", "custom", "order {order_id} created: {amount} {currency}", _ORDER),
    (20, "checkout", "info", "custom", "cart priced: {cart_items} items, {amount} {currency}",
     (*_ORDER, "duration_ms")),
    (18, "checkout", "info", "api_call", "order {order_id} confirmed in {duration_ms} ms",
     ("http", "order_id", "duration_ms")),
    (10, "checkout", "debug", "custom", "tax computed for {country}", _ORDER),
    (10, "checkout", "debug", "custom", "lock acquired on order {order_id} after {db_ms} ms", ("order_id", *_DATABASE)),
    (5, "checkout", "warn", "custom", "order {order_id} retried, attempt {attempt}",
     ("order_id", "attempt", "retry_in_ms")),
    (3, "checkout", "warn", "custom", "coupon rejected for order {order_id}", ("order_id", "amount", "currency")),
    (4, "checkout", "error", "custom", "order {order_id} failed: inventory unavailable for {sku}",
     ("order_id", "sku", "amount", "currency")),
    (26, "payments", "info", "api_call", "charge of {amount} {currency} authorized by {provider} in {duration_ms} ms",
     ("order_id", "amount", "currency", "provider", "duration_ms")),
    (18, "payments", "info", "api_call", "webhook from {provider} processed",
     ("order_id", "provider", "duration_ms", "attempt")),
    (4, "payments", "info", "custom", "refund of {amount} {currency} issued for {order_id}",
     ("order_id", "amount", "currency", "provider")),
    (8, "payments", "debug", "custom", "risk score computed by {provider} in {db_ms} ms",
     ("order_id", "provider", "db_ms")),
    (7, "payments", "warn", "api_call", "charge declined by {provider}: {reason}",
     ("order_id", "amount", "currency", "provider", "reason")),
    (2, "payments", "warn", "custom", "idempotency key reused for {order_id}", ("order_id", "provider", "attempt")),
    (4, "payments", "error", "api_call", "{provider} timed out after {duration_ms} ms",
     ("order_id", "amount", "currency", "provider", "duration_ms")),
    (1, "payments", "error", "crash", "psycopg.OperationalError: server closed the connection unexpectedly",
     ("order_id", *_DATABASE)),
    (20, "inventory", "info", "custom", "reserved {cart_items} of {sku} in {warehouse}",
     ("sku", "warehouse", "order_id", "cart_items")),
    (12, "inventory", "info", "api_call", "{method} {path}: stock level for {sku} read in {db_ms} ms",
     ("http", "sku", "db_ms", "warehouse")),
    (8, "inventory", "debug", "custom", "query on {table} returned {rows} rows in {db_ms} ms", _DATABASE),
    (3, "inventory", "warn", "custom", "stock of {sku} below threshold in {warehouse}",
     ("sku", "warehouse", "results")),
    (2, "inventory", "error", "custom", "reservation for {order_id} expired", ("order_id", "sku", "warehouse")),
    (18, "mailer", "info", "custom", "sent {template} in {duration_ms} ms",
     ("template", "order_id", "duration_ms", "attempt")),
    (9, "mailer", "info", "custom", "queued {template}", ("template", "order_id", "queue", "queue_depth")),
    (6, "mailer", "debug", "custom", "rendered {template} in {db_ms} ms", ("template", "db_ms", "bytes")),
    (3, "mailer", "warn", "custom", "delivery of {template} deferred, retry in {retry_in_ms} ms",
     ("template", "retry_in_ms", "attempt")),
    (1, "mailer", "error", "custom", "delivery of {template} failed: 550 mailbox unavailable", ("template", "attempt")),
    (10, "inventory", "info", "cron", "job {job} finished in {duration_ms} ms", ("job", "duration_ms", "rows")),
    (8, "mailer", "info", "cron", "queue {queue} drained, {queue_depth} left", ("queue", "queue_depth", "duration_ms")),
    (4, "catalog", "info", "cron", "job {job} processed {rows} rows", ("job", "rows", "duration_ms")),
    (2, "checkout", "warn", "cron", "job {job} overran its interval by {duration_ms} ms", ("job", "duration_ms")),
    (1, "payments", "error", "cron", "job {job} failed: lock not obtained", ("job", "attempt", "retry_in_ms")),
)  # fmt: skip


def _shown(message: str) -> tuple[str, ...]:
    return tuple(name for name in sorted({*_FIELDS, *_SHARED}) if f"{{{name}}}" in message)


def _logger(service: str, message: str) -> str:
    words = [word for word in message.split() if word.isalpha()]
    return ".".join(("shop", service, *words[:2])).lower()


_TEMPLATES: Final = tuple(
    _Template(service, level, kind, message, _logger(service, message), _shown(message), metadata, "http" in metadata)
    for _, service, level, kind, message, metadata in _TABLE
)
_CUMULATED: Final = tuple(accumulate(row[0] for row in _TABLE))
