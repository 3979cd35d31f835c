"""Refusals as `application/problem+json` (RFC 9457): one table says what each exception is to the client.

    {"type": "urn:scrywatch:problem:not-found", "title": "…", "status": 404, "detail": "how to mend it", …}

Routes add the table of the exceptions of what they call. What stands in no table is a fault of ours: 500, logged.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from chalicelib.identity.api_keys import KeyRefused
from chalicelib.identity.permissions import Permission
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.web import responses
from chalicelib.web.responses import Answer

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:scrywatch:problem:"

logger: Final = logging.getLogger(__name__)


class NotFound(Exception):
    """Nothing is there, or nothing that this caller may know of: the answer is the same."""


class MethodRefused(Exception):
    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method} is not answered here; {', '.join(allowed)} is.")
        self.allowed = allowed


class ParameterWrong(Exception):
    """A query parameter cannot be used. `detail` says what would be."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class HeaderWrong(Exception):
    """A request header cannot be used."""


class NotSignedIn(Exception):
    """The route wants to know who is asking, and was not told."""


class NotAllowed(Exception):
    """Who is asking is known, and may not do this."""

    def __init__(self, permission: Permission, who: str) -> None:
        super().__init__(f"This needs the permission {permission}, which {who} does not have.")
        self.permission = permission


class Told(Struct, frozen=True):
    """What one exception says: a sentence, further members of the problem, headers of the answer."""

    detail: str
    members: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}


class Problem(Struct, frozen=True):
    """What a class of exceptions is to a client."""

    status: int
    code: str
    title: str
    told: Callable[[Any], Told] = lambda error: Told(str(error))


Problems = Mapping[type[Exception], Problem]

HOW_TO_SIGN: Final = "Send a key of the project: `Authorization: Bearer scry_…`."

PROBLEMS: Final[Problems] = {
    NotFound: Problem(404, "not-found", "Not found", lambda _: Told("There is nothing here, or nothing for this key.")),
    MethodRefused: Problem(
        405, "method-not-allowed", "Method not allowed",
        lambda error: Told(str(error), headers={"Allow": ", ".join(error.allowed)}),
    ),
    ParameterWrong: Problem(
        400, "parameter", "A parameter cannot be used",
        lambda error: Told(str(error), {"parameter": error.parameter}),
    ),
    HeaderWrong: Problem(400, "header", "A header cannot be used"),
    NotSignedIn: Problem(
        401, "unauthorized", "A key is needed",
        lambda _: Told(HOW_TO_SIGN, headers={"WWW-Authenticate": 'Bearer realm="scrywatch"'}),
    ),
    KeyRefused: Problem(
        401, "unauthorized", "The key does not work",
        lambda _: Told(
            f"The key is unknown, or no longer valid. {HOW_TO_SIGN}",
            headers={"WWW-Authenticate": 'Bearer realm="scrywatch", error="invalid_token"'},
        ),
    ),
    NotAllowed: Problem(
        403, "forbidden", "Not allowed",
        lambda error: Told(str(error), {"permission": error.permission}),
    ),
    StoreUnavailable: Problem(
        503, "unavailable", "Not now",
        lambda error: Told(
            "The store did not answer in time. Nothing may be taken for done: send the request again.",
            headers={"Retry-After": str(error.retry_after)},
        ),
    ),
}  # fmt: skip

FAULT: Final = Problem(
    500, "fault", "Something broke here", lambda _: Told("The fault is ours and was logged. Sending it again may help.")
)


def answer(error: Exception, problems: Problems = PROBLEMS) -> Answer:
    """The answer to a request that ended in this exception."""
    for kind in type(error).__mro__:
        if kind in problems:
            return _document(problems[kind], error)
    logger.error("a request ended in a fault", exc_info=error)
    return _document(FAULT, error)


def _document(problem: Problem, error: Exception) -> Answer:
    told = problem.told(error)
    document = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "detail": told.detail,
        **told.members,
    }
    return responses.json(document, status=problem.status, headers={"Content-Type": MEDIA_TYPE} | dict(told.headers))
