"""Refusals as `application/problem+json` (RFC 9457): one table says what each exception is to the client.

    {"type": "urn:scrywatch:problem:not-found", "title": "…", "status": 404, "detail": "how to mend it", …}

Routes add the table of the exceptions of what they call. What stands in no table is a fault of ours: 500.
Every refusal and every fault is noted in the security log.
"""

import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from chalicelib.identity import security_log
from chalicelib.identity.api_keys import KeyRefused
from chalicelib.identity.permissions import Permission
from chalicelib.oauth.errors import TokenRefused
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.limits import LIMITS, LimitReached
from chalicelib.web import responses
from chalicelib.web.responses import Answer

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:scrywatch:problem:"


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


class MediaWrong(Exception):
    """The body is of another media type than the one that is read here."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"Send the body as `Content-Type: {wanted}`.")
        self.wanted = wanted


class BodyTooLong(Exception):
    """The body has more bytes than any that is meant here."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} bytes are read here.")
        self.limit = limit


class BodyWrong(Exception):
    """The body cannot be read as a whole."""


class FieldWrong(Exception):
    """A field of a JSON body cannot be used. The text says what could be, and never what was sent."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class FormWrong(Exception):
    """Fields of a form cannot be used. `errors` has a sentence for each; `given` is what may be shown again."""

    def __init__(self, errors: Mapping[str, str], given: Mapping[str, str]) -> None:
        super().__init__("The form needs another look.")
        self.errors = errors
        self.given = given


class NotSignedIn(Exception):
    """The route wants to know who is asking, and was not told."""


class CsrfRefused(Exception):
    """A request that changes something, and does not prove that a page of ours sent it."""


class ReauthenticationNeeded(Exception):
    """The password was proved too long ago for this."""


class SecondFactorNeeded(Exception):
    """The organisation requires a second factor, and this session was begun without one."""


class NotAllowed(Exception):
    """Who is asking is known, and may not do this."""

    def __init__(self, permission: Permission, who: str) -> None:
        super().__init__(f"This needs the permission {permission}, which {who} does not have.")
        self.permission = permission


class PowerTooSmall(NotAllowed):
    """A program's key or token is known, and does not give this (RFC 6750, `insufficient_scope`)."""


class OriginRefused(Exception):
    """A page called that may not, or by a name that is not ours."""


class ChangedMeanwhile(Exception):
    """What is to be changed is not what the client saw any more."""


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

HOW_TO_SIGN: Final = "Sign in, or send a key of the project: `Authorization: Bearer scry_…`."


def _limited(error: LimitReached) -> Told:
    """The limits of guessing are not told apart: which one was met would say what was guessed right."""
    after = error.retry_after
    headers = {"Retry-After": str(after), "RateLimit": f'"requests";r=0;t={after}'}
    if error.name.startswith(OPEN_LIMITS):
        rate = LIMITS[error.name]
        headers["RateLimit-Policy"] = f'"requests";q={rate.burst};w={rate.seconds}'
    return Told(f"Wait {after} seconds, then send the request again.", {"retry_after": after}, headers)


OPEN_LIMITS: Final = ("requests-", "ingest-")
"""How the limits begin whose numbers are no secret."""

PROBLEMS: Final[Problems] = {
    NotFound: Problem(404, "not-found", "Not found", lambda _: Told("There is nothing here, or nothing for you.")),
    MethodRefused: Problem(
        405, "method-not-allowed", "Method not allowed",
        lambda error: Told(str(error), headers={"Allow": ", ".join(error.allowed)}),
    ),
    ParameterWrong: Problem(
        400, "parameter", "A parameter cannot be used",
        lambda error: Told(str(error), {"parameter": error.parameter}),
    ),
    HeaderWrong: Problem(400, "header", "A header cannot be used"),
    MediaWrong: Problem(415, "media", "The body is in no format that is read here"),
    BodyTooLong: Problem(
        413, "too-large", "The body is too large", lambda error: Told(str(error), {"limit": error.limit})
    ),
    BodyWrong: Problem(400, "body", "The body cannot be read"),
    FieldWrong: Problem(
        422, "field", "A field cannot be used", lambda error: Told(str(error), {"field": error.field})
    ),
    FormWrong: Problem(
        422, "form", "The form needs another look", lambda error: Told(str(error), {"errors": error.errors})
    ),
    NotSignedIn: Problem(
        401, "unauthorized", "Sign in, or send a key",
        lambda _: Told(HOW_TO_SIGN, headers={"WWW-Authenticate": 'Bearer realm="scrywatch"'}),
    ),
    KeyRefused: Problem(
        401, "unauthorized", "The key does not work",
        lambda _: Told(
            f"The key is unknown, or no longer valid. {HOW_TO_SIGN}",
            headers={"WWW-Authenticate": 'Bearer realm="scrywatch", error="invalid_token"'},
        ),
    ),
    TokenRefused: Problem(
        401, "unauthorized", "The access token does not work",
        lambda _: Told(
            "The access token is unknown, expired, revoked, or of another project. Refresh it, or connect again.",
            headers={"WWW-Authenticate": 'Bearer realm="scrywatch", error="invalid_token"'},
        ),
    ),
    OriginRefused: Problem(403, "origin", "Not from there"),
    CsrfRefused: Problem(403, "csrf", "Not sent from a page of this site"),
    ReauthenticationNeeded: Problem(
        403, "reauthenticate", "The password is needed again",
        lambda _: Told("This needs a password that was given in the last 30 minutes. Give it again, then repeat this."),
    ),
    SecondFactorNeeded: Problem(
        403, "second-factor", "A second factor is needed",
        lambda _: Told("This organisation requires one. Set it up in your account, or sign in with it."),
    ),
    NotAllowed: Problem(
        403, "forbidden", "Not allowed",
        lambda error: Told(str(error), {"permission": error.permission}),
    ),
    PowerTooSmall: Problem(
        403, "forbidden", "Not allowed",
        lambda error: Told(
            str(error), {"permission": error.permission},
            {"WWW-Authenticate": 'Bearer realm="scrywatch", error="insufficient_scope"'},
        ),
    ),
    ChangedMeanwhile: Problem(
        412, "changed", "Changed meanwhile",
        lambda _: Told("It is not what `If-Match` names any more. Read it again, then decide again."),
    ),
    LimitReached: Problem(429, "limit", "Too many requests", _limited),
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


def problem_of(error: Exception, problems: Problems = PROBLEMS) -> Problem:
    """What the exception is to a client. One that stands in no table is a fault of ours."""
    return next((problems[kind] for kind in type(error).__mro__ if kind in problems), FAULT)


def note(error: Exception, problems: Problems = PROBLEMS) -> None:
    """Writes into the security log why a request was refused, or where it broke (ASVS 16.3.2, 16.3.3, 16.3.4)."""
    problem = problem_of(error, problems)
    if problem is FAULT:
        security_log.write("fault", trace="".join(traceback.format_exception(error)))
    elif isinstance(error, LimitReached):
        security_log.write("refused", problem=problem.code, limit=error.name)
    elif isinstance(error, FormWrong):
        security_log.write("refused", problem=_behind(error, problems).code)
    else:
        security_log.write("refused", problem=problem.code)


def _behind(wrong: FormWrong, problems: Problems) -> Problem:
    """What a form was refused for, where its page says that in words of its own."""
    kinds = type(wrong.__cause__).__mro__
    return next((problems[kind] for kind in kinds if kind in problems), PROBLEMS[FormWrong])


def answer(error: Exception, problems: Problems = PROBLEMS) -> Answer:
    """The answer to a request that ended in this exception."""
    problem = problem_of(error, problems)
    told = problem.told(error)
    document = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "detail": told.detail,
        **told.members,
    }
    return responses.json(document, status=problem.status, headers={"Content-Type": MEDIA_TYPE} | dict(told.headers))
