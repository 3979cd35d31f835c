"""One line in the journal for each request: which, who, what, from where, what became of it, how long it took.

It has the facts of the security log (`identity.security_log`), for every request and not only where something was
refused, changed or broke. The route is told as it is declared: what stood in the URL is nobody's business.
"""

from typing import Any, Final

from chalicelib import journal
from chalicelib.identity import security_log
from chalicelib.web.request import request_id

UNKNOWN: Final = "-"
"""The route of a request that none is declared for."""

_warm: Final[set[str]] = set()


def begin(event: dict[str, Any], context: Any) -> None:
    """A request begins."""
    asked = event.get("requestContext", {})
    journal.begin()
    security_log.attend(
        request=request_id(event, context),
        source=asked.get("identity", {}).get("sourceIp", ""),
        method=asked.get("httpMethod", ""),
        route=asked.get("resourcePath") or UNKNOWN,
    )


def end(status: int, *, seconds: float, store_calls: int) -> None:
    """It was answered."""
    if store_calls:
        journal.count("StoreCalls", store_calls)
    if journal.counted("EventsAccepted") or journal.counted("EventsRejected"):
        journal.count("IngestMilliseconds", round(seconds * 1000, 1))
    journal.write("request", **security_log.facts(), status=status, ms=round(seconds * 1000, 1), cold=_is_first())


def _is_first() -> bool:
    """Whether no request was answered in this container before."""
    if _warm:
        return False
    _warm.add("request")
    return True
