"""What refusals of the OAuth endpoints are to a client: the words of RFC 6749, section 5.2, whatever was refused.

{"error": "invalid_grant", "error_description": "what is wrong, and what would be right"}
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chalicelib.oauth.errors import ClientRefused, OAuthError
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.limits import LimitReached
from chalicelib.web import problems, responses
from chalicelib.web.problems import PROBLEMS, BodyTooLong, BodyWrong, MediaWrong, Problem, Problems, Told
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes


class BasicRefused(ClientRefused):
    """A client authenticated with HTTP Basic, which needs a secret that nobody has."""

    def __init__(self) -> None:
        super().__init__("no client has a secret here: send `client_id` in the form, without `Authorization`")


OAUTH_PROBLEMS: Final[Problems] = {
    OAuthError: Problem(400, "oauth", "The client's request is refused"),
    ClientRefused: Problem(401, "oauth-client", "The client is not known, or did not prove who it is"),
    # Who authenticates with `Authorization` is told what of it would be taken (RFC 6749, section 5.2): nothing.
    BasicRefused: Problem(
        401, "oauth-client", "The client is not known, or did not prove who it is",
        lambda error: Told(str(error), headers={"WWW-Authenticate": 'Basic realm="scrywatch"'}),
    ),
}  # fmt: skip

_CODES: Final[Mapping[type[Exception], tuple[int, str]]] = {
    MediaWrong: (400, "invalid_request"),
    BodyTooLong: (400, "invalid_request"),
    BodyWrong: (400, "invalid_request"),
    LimitReached: (429, "temporarily_unavailable"),
    StoreUnavailable: (503, "temporarily_unavailable"),
}
"""Statuses and codes of what is no `OAuthError`. The rest is a fault of ours, or stands in the table of problems."""


class OAuthRefused(Struct, frozen=True):
    """Why not, in a code for programs and a sentence for developers (RFC 6749, section 5.2)."""

    error: str
    error_description: str


class OAuthRoutes(Routes):
    """Routes that only OAuth clients call, and that refuse in OAuth's words."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, OAUTH_PROBLEMS)

    def _refused(self, error: Exception, *_: object) -> Answer:
        return refusal(error)


def refusal(error: Exception) -> Answer:
    """The answer to a client whose request ended in this exception."""
    problem = problems.problem_of(error, {**PROBLEMS, **OAUTH_PROBLEMS})
    told = problem.told(error)
    status, code = _CODES.get(type(error), (problem.status, "server_error"))
    if isinstance(error, OAuthError):
        code = error.code
    return responses.json(OAuthRefused(code, _spelled(told.detail)), status=status, headers=dict(told.headers))


def _spelled(text: str) -> str:
    """The characters that a description may have (RFC 6749, section 5.2)."""
    plain = text.replace("\\", "/").replace('"', "'")
    return "".join(each if " " <= each <= "~" else "?" for each in plain)
