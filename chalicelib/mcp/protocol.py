"""One message in, one answer out: JSON-RPC 2.0 as MCP uses it over HTTP, modern and legacy, without a session.

    bytes -> JSON -> one object -> a request, or a notification (202)
                                    -> its era -> modern: metadata, then headers, then version
                                               -> its method -> result

Each step may refuse; the first refusal is the answer (`errors`). Any bytes whatever get an answer that is valid.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from chalicelib.mcp import errors, methods
from chalicelib.mcp.errors import LEGACY_STATUS, STATUS, MessageRefused
from chalicelib.mcp.headers import check_headers
from chalicelib.mcp.methods import Done
from chalicelib.mcp.registry import Outcome, Server
from chalicelib.mcp.text import clean
from chalicelib.mcp.versions import CAPABILITIES_KEY, LEGACY, MODERN, SERVER_KEY, VERSION_HEADER, VERSION_KEY, era_of
from chalicelib.storage.errors import StoreUnavailable

LARGEST: Final = 256 * 1024
"""Bytes of a message."""

LONGEST_WHAT: Final = 80

logger: Final = logging.getLogger(__name__)


class Reply(Struct, frozen=True, kw_only=True):
    """An answer, and what its connection's log says of it. Without a body there is nothing to say."""

    status: int
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    what: str = ""
    """The tool that was called, or the method."""
    outcome: Outcome = "ok"
    rows: int = 0


class Message(Struct, frozen=True, kw_only=True):
    """A request, or a notification where it has no id."""

    method: str
    params: Mapping[str, Any]
    id: str | int | None

    @property
    def meta(self) -> Mapping[str, Any]:
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    @property
    def what(self) -> str:
        name = self.params.get("name") if self.method == "tools/call" else None
        return clean(name if isinstance(name, str) else self.method, LONGEST_WHAT - 20)[:LONGEST_WHAT]


def answer(message: bytes, headers: Mapping[str, str], server: Server) -> Reply:
    """The answer to a message. Header names are in lower case. Raises nothing."""
    try:
        read = _message(message)
    except _Unreadable as unreadable:
        return _refusal(unreadable.refused, unreadable.id, unreadable.status, what="unreadable")
    era = era_of(read.method, read.meta, headers)
    if read.id is None:
        return _taken(read, headers)
    try:
        done = _modern(read, headers, server) if era == "modern" else _legacy(read, headers, server)
    except MessageRefused as refused:
        status = STATUS[refused.code] if era == "modern" else LEGACY_STATUS.get(refused.code, STATUS[refused.code])
        return _refusal(refused, read.id, status, what=read.what)
    except StoreUnavailable as unavailable:
        after = {"Retry-After": str(unavailable.retry_after)}
        return _refusal(_NOT_NOW, read.id, 503, what=read.what, outcome="error", headers=after)
    except Exception:
        logger.exception("an MCP request ended in a fault")
        return _refusal(_FAULT, read.id, 500, what=read.what, outcome="error")
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": read.id, "result": done.result})
    return Reply(status=200, body=body, headers=done.headers, what=read.what, outcome=done.outcome, rows=done.rows)


_NOT_NOW: Final = MessageRefused(errors.INTERNAL_ERROR, "The store did not answer in time: send the request again.")
_FAULT: Final = MessageRefused(errors.INTERNAL_ERROR, "Something broke here; it was logged. Trying again may help.")


class _Unreadable(Exception):
    """What is no message. Its id is told where it has one."""

    def __init__(self, code: int, text: str, *, message_id: str | int | None = None, status: int = 400) -> None:
        super().__init__(text)
        self.refused = MessageRefused(code, text)
        self.id = message_id
        self.status = status


def _message(content: bytes) -> Message:
    if len(content) > LARGEST:
        raise _Unreadable(errors.INVALID_REQUEST, f"A message has at most {LARGEST:,} bytes", status=413)
    try:
        read = msgspec.json.decode(content)
    except (ValueError, RecursionError) as refusal:
        raise _Unreadable(
            errors.PARSE_ERROR, "Parse error: the body is no JSON in UTF-8, or is nested too deep"
        ) from refusal
    if isinstance(read, list):
        raise _Unreadable(errors.INVALID_REQUEST, "Batches are not read: send each message in a request of its own")
    if not isinstance(read, dict):
        raise _Unreadable(errors.INVALID_REQUEST, "A message is a JSON object")
    return _checked(read)


def _checked(read: dict[str, Any]) -> Message:
    known_id = read.get("id") if _is_id(read.get("id")) else None
    if "id" in read and known_id is None:
        raise _Unreadable(errors.INVALID_REQUEST, "`id` must be text or a whole number")
    if read.get("jsonrpc") != "2.0":
        raise _Unreadable(errors.INVALID_REQUEST, '`jsonrpc` must be "2.0"', message_id=known_id)
    method, params = read.get("method"), read.get("params")
    if not isinstance(method, str):
        raise _Unreadable(
            errors.INVALID_REQUEST, "`method` is missing: nothing is asked of clients here", message_id=known_id
        )
    if not isinstance(params, dict | None):
        raise _Unreadable(errors.INVALID_PARAMS, "`params` must be an object", message_id=known_id)
    return Message(method=method, params=params or {}, id=known_id)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _taken(message: Message, headers: Mapping[str, str]) -> Reply:
    """A notification: read, and nothing follows from it. Of a version that is not spoken it is refused."""
    version = message.meta.get(VERSION_KEY) or headers.get(VERSION_HEADER, "").strip()
    if version and version not in (*MODERN, *LEGACY):
        return _refusal(_unsupported(version, (*MODERN, *LEGACY)), None, 400, what=message.what)
    return Reply(status=202, what=message.what)


def _modern(message: Message, headers: Mapping[str, str], server: Server) -> Done:
    missing = [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in message.meta]
    if missing:
        raise MessageRefused(errors.INVALID_PARAMS, f"Invalid params: `_meta` lacks {' and '.join(missing)}")
    if not isinstance(message.meta[CAPABILITIES_KEY], dict):
        raise MessageRefused(errors.INVALID_PARAMS, f"Invalid params: {CAPABILITIES_KEY} must be an object")
    check_headers(message.method, message.params, headers)
    version = message.meta[VERSION_KEY]
    if version not in MODERN:
        raise _unsupported(version, MODERN)
    done = methods.run(methods.MODERN_METHODS, message.method, message.params, server)
    meta = {"_meta": {SERVER_KEY: server.info}}
    cached = methods.CACHED if message.method in methods.CACHEABLE else {}
    return msgspec.structs.replace(done, result={"resultType": "complete", **done.result, **cached, **meta})


def _legacy(message: Message, headers: Mapping[str, str], server: Server) -> Done:
    version = headers.get(VERSION_HEADER, "").strip()
    if version and version not in LEGACY and message.method != "initialize":
        raise _unsupported(version, (*MODERN, *LEGACY))
    return methods.run(methods.LEGACY_METHODS, message.method, message.params, server)


def _unsupported(version: str, supported: tuple[str, ...]) -> MessageRefused:
    told = {"supported": list(supported), "requested": clean(str(version), 100)}
    return MessageRefused(errors.UNSUPPORTED_VERSION, "Unsupported protocol version", told)


def _refusal(
    refused: MessageRefused,
    message_id: str | int | None,
    status: int,
    *,
    what: str,
    outcome: Outcome = "refused",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Both revisions' schemas know no `null` for an id: where it could not be read there is none."""
    error = {"code": refused.code, "message": str(refused)} | ({"data": refused.data} if refused.data else {})
    document = {"jsonrpc": "2.0"} | ({} if message_id is None else {"id": message_id}) | {"error": error}
    return Reply(
        status=status, body=msgspec.json.encode(document), headers=headers or {}, what=what, outcome=outcome
    )  # fmt: skip
