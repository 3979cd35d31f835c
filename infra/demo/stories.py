"""What people do in the shop, and how it looks in the logs on good days and on bad ones."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from infra.demo.incidents import is_database_slow, is_provider_down, is_provider_slow
from infra.demo.trace import Event, Trace

PRODUCTS: Final = ("teapot", "lantern", "kettle", "notebook", "umbrella", "bicycle bell", "wool blanket", "desk lamp")
PROVIDER: Final = "pay.example.net"
PROVIDER_TIMEOUT: Final = 5_000
"""Milliseconds; three attempts make the longest request there is."""


def browse(trace: Trace) -> None:
    item = trace.dice.randint(1000, 1999)
    took = 12 + trace.dice.expovariate(1 / 25)
    trace.say("gateway", 0, "debug", f"Routing GET /products/{item} to inventory", route="products")
    found, done = _stock(trace, 4, item)
    status = 503 if not found else 404 if trace.dice.random() < 0.01 else 200
    trace.answer(done + took, "GET", f"/products/{item}", status)


def look_for(trace: Trace) -> None:
    words = trace.dice.choice(PRODUCTS)
    hits = trace.dice.randint(0, 240)
    took = 20 + trace.dice.expovariate(1 / 60)
    trace.say("search", took, "info", f'Query "{words}" matched {hits} products', hits=hits, duration_ms=int(took))
    if took > 250:
        trace.say("search", took + 1, "warn", f"Slow search: {int(took)} ms for {words}", duration_ms=int(took))
    trace.answer(took + 6, "GET", "/search", 200)


def sign_in(trace: Trace) -> None:
    took = 90 + trace.dice.expovariate(1 / 40)
    if trace.dice.random() < 0.07:
        trace.say("auth", took, "warn", f"Wrong password for {trace.user}", attempt=trace.dice.randint(1, 4))
        trace.answer(took + 3, "POST", "/sessions", 401)
        return
    trace.say("auth", took, "info", f"Session started for {trace.user}", kind="session", method="password")
    trace.answer(took + 3, "POST", "/sessions", 201)


def fill_basket(trace: Trace) -> None:
    item = trace.dice.randint(1000, 1999)
    found, done = _stock(trace, 5, item)
    if not found:
        trace.answer(done + 4, "POST", "/basket", 503)
        return
    trace.say("checkout", done + 8, "info", f"Added product {item} to the basket", product_id=item, quantity=1)
    trace.answer(done + 12, "POST", "/basket", 200)


def visit_page(trace: Trace) -> None:
    page = trace.dice.choice(("/", "/offers", "/account", "/help", "/orders"))
    trace.say("gateway", 0, "info", f"Opened {page}", kind="navigation", page=page)


def buy(trace: Trace) -> None:
    """From the basket to the mail; at 00:20 past even hours, to an error."""
    order = f"ord_{trace.dice.getrandbits(40):010x}"
    amount = trace.dice.randint(9_00, 240_00)
    trace.say("checkout", 6, "info", f"Placing order {order}", order_id=order, amount_cents=amount)
    paid, done = _pay(trace, 14, order, amount)
    if not paid:
        trace.say("checkout", done + 2, "error", f"Order {order} not placed: payment unavailable", order_id=order)
        trace.answer(done + 5, "POST", "/orders", 504)
        return
    trace.say("inventory", done + 9, "info", f"Reserved stock for {order}", order_id=order)
    trace.answer(done + 15, "POST", "/orders", 201)
    trace.say("worker", done + 900, "info", f"Picked up order {order}", order_id=order, queue="orders")
    trace.say("mailer", done + 2_400, "info", f"Sent confirmation of {order} to {trace.user}", order_id=order)


STORIES: Final[dict[Callable[[Trace], None], int]] = {
    browse: 42,
    look_for: 20,
    visit_page: 14,
    fill_basket: 12,
    sign_in: 6,
    buy: 6,
}
"""Out of a hundred requests."""


def request(dice: Random, began: int, story: Callable[[Trace], None] | None = None) -> list[Event]:
    """The events of one request: of that story, or of one that is as likely as it is in the table."""
    trace = Trace(dice, began)
    chosen = story or dice.choices(tuple(STORIES), tuple(STORIES.values()))[0]
    chosen(trace)
    return trace.events


def _stock(trace: Trace, after: float, item: int) -> tuple[bool, float]:
    """Whether the inventory answered, and when."""
    slow = is_database_slow(trace.began)
    took = trace.dice.uniform(1_200, 4_800) if slow else 3 + trace.dice.expovariate(1 / 9)
    done = after + took
    if slow:
        text = f"Slow query: {int(took)} ms for SELECT stock WHERE product_id = {item}"
        trace.say("inventory", done, "warn", text, product_id=item, duration_ms=int(took))
    if slow and trace.dice.random() < 0.12:
        text = "Could not lock table stock: canceling statement due to lock timeout"
        trace.say("inventory", done + 1, "error", text, product_id=item, sqlstate="55P03")
        return False, done + 1
    left = trace.dice.randint(0, 80)
    trace.say("inventory", done, "debug", f"Product {item}: {left} in stock", product_id=item, duration_ms=int(took))
    return True, done


def _pay(trace: Trace, after: float, order: str, amount: int) -> tuple[bool, float]:
    """Whether the provider took the money, and when that was known."""
    if is_provider_down(trace.began):
        return False, _time_out(trace, after, order)
    took = trace.dice.uniform(2_500, 4_500) if is_provider_slow(trace.began) else 120 + trace.dice.expovariate(1 / 90)
    done = after + took
    facts: dict[str, Any] = {"order_id": order, "provider": PROVIDER, "duration_ms": int(took)}
    if took > 2_000:
        trace.say("payments", done, "warn", f"Provider answered slowly: {int(took)} ms", **facts)
    if trace.dice.random() < 0.02:
        trace.say("payments", done + 1, "warn", f"Card declined for {order}", reason="insufficient_funds", **facts)
        return False, done + 1
    trace.say("payments", done + 1, "info", f"Charged {amount / 100:.2f} EUR for {order}", amount_cents=amount, **facts)
    return True, done + 1


def _time_out(trace: Trace, after: float, order: str) -> float:
    for attempt in (1, 2, 3):
        after += PROVIDER_TIMEOUT
        text = f"Provider {PROVIDER} timed out after {PROVIDER_TIMEOUT} ms (attempt {attempt} of 3)"
        trace.say("payments", after, "warn", text, order_id=order, provider=PROVIDER, attempt=attempt)
    text = f"Payment for {order} failed: provider timed out 3 times"
    trace.say("payments", after + 1, "error", text, order_id=order, provider=PROVIDER, error="ProviderTimeout")
    return after + 1
