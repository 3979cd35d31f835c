"""Where browsers report what went against the content policy of a page: a line each in the security log, no more.

Anybody can send anything here. So little is read, the rest is left out: of the page its path, of what was blocked its
host, never a sample of it; and whatever is not in its usual form is `other`.
"""

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from chalicelib import settings
from chalicelib.identity import security_log
from chalicelib.storage import limits
from chalicelib.web import responses
from chalicelib.web.declaration import Body
from chalicelib.web.headers import REPORTS
from chalicelib.web.problems import BodyTooLong, BodyWrong, MediaWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

LARGEST: Final = 16 * 1024
MOST_LINES: Final = 5
"""Of one request: a browser sends what it collected for a minute, which is mostly the same again."""
LONGEST_PATH: Final = 200

COLLECTED: Final = "application/reports+json"
SINGLE: Final = "application/csp-report"
OTHER: Final = "other"

routes = Routes(__name__)


class Violation(Struct, frozen=True):
    """What the log says of one."""

    page: str
    directive: str
    blocked: str


class _Violated(Struct, frozen=True):
    document: str = field(name="documentURL", default="")
    directive: str = field(name="effectiveDirective", default="")
    blocked: str = field(name="blockedURL", default="")


class _Collected(Struct, frozen=True):
    """One of the reports of the Reporting API, whatever it is about."""

    type: str = ""
    body: msgspec.Raw = msgspec.Raw(b"{}")


class PolicyViolation(Struct, frozen=True, rename="kebab"):
    """What is read of it. Whatever else a browser says is left out."""

    document_uri: str = ""
    effective_directive: str = ""
    violated_directive: str = ""
    blocked_uri: str = ""


class PolicyReport(Struct, frozen=True):
    """What `report-uri` sends (CSP level 2, section 4.4)."""

    report: PolicyViolation = field(name="csp-report")


BODY: Final = Body(
    description=f"What a browser sends for `report-uri`; for `report-to` it is a list, as `{COLLECTED}`.",
    media_types=(SINGLE,),
    shape=PolicyReport,
)


@routes.public_post(REPORTS, noted=False, body=BODY, answers={204: None}, refusals=(400, 413, 415, 429, 503))
def report(request: Request) -> Answer:
    """Takes reports of browsers that something went against a page's content policy."""
    source = limits.source_of(request.source)
    limits.allow("report-source", source, now_ms=request.now_ms, deadline=request.deadline)
    for each in list(dict.fromkeys(_violations(request)))[:MOST_LINES]:
        security_log.write("violation", page=each.page, directive=each.directive, blocked=each.blocked)
    return responses.nothing()


def _violations(request: Request) -> list[Violation]:
    """Raises `MediaWrong`, `BodyTooLong` and `BodyWrong`."""
    if request.media_type not in (COLLECTED, SINGLE):
        raise MediaWrong(COLLECTED)
    if len(request.body) > LARGEST:
        raise BodyTooLong(LARGEST)
    try:
        sent = _collected(request.body) if request.media_type == COLLECTED else [_single(request.body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyWrong("The body is no report.") from error
    return [Violation(_page(each.document), _directive(each.directive), _blocked(each.blocked)) for each in sent]


def _collected(body: bytes) -> list[_Violated]:
    reports = msgspec.json.decode(body, type=list[_Collected])
    return [msgspec.json.decode(each.body, type=_Violated) for each in reports if each.type == "csp-violation"]


def _single(body: bytes) -> _Violated:
    report = msgspec.json.decode(body, type=PolicyReport).report
    return _Violated(report.document_uri, report.effective_directive or report.violated_directive, report.blocked_uri)


def _page(url: str) -> str:
    """Its path, where it is one of ours. The query may hold what somebody looked for."""
    parts, own = _parts(url), urlsplit(settings.current().url)
    if (parts[0], parts[1]) != (own.scheme, own.netloc):
        return OTHER
    return parts[2] if _PATH.fullmatch(parts[2]) else OTHER


def _directive(text: str) -> str:
    name = text.partition(" ")[0]
    return name if _WORD.fullmatch(name) else OTHER


def _blocked(text: str) -> str:
    """`inline` and its like, or the host of an address."""
    if _WORD.fullmatch(text):
        return text
    host = _parts(text)[1].rpartition("@")[2].lower()
    return host if _HOST.fullmatch(host) else OTHER


def _parts(url: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", ""
    return parts.scheme, parts.netloc, parts.path


_WORD: Final = re.compile(r"[a-z-]{1,40}")
_HOST: Final = re.compile(r"[a-z0-9.:\[\]-]{1,100}")
_PATH: Final = re.compile(rf"/[\w.~%/-]{{0,{LONGEST_PATH}}}", re.ASCII)
