"""What each method answers. The modern form of a result is put around it in `protocol`."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from chalicelib.events.query.cursor import CursorRefused
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.fields import closest
from chalicelib.mcp import errors
from chalicelib.mcp.errors import ArgumentsWrong, MessageRefused
from chalicelib.mcp.registry import Outcome, Server, ToolAnswer
from chalicelib.mcp.text import shown
from chalicelib.mcp.versions import MODERN, negotiated
from chalicelib.storage.errors import StoreUnavailable

Params = Mapping[str, Any]
T = TypeVar("T")


class Done(Struct, frozen=True, kw_only=True):
    """A result, and what the log of its connection says of it."""

    result: Mapping[str, Any]
    outcome: Outcome = "ok"
    rows: int = 0
    headers: Mapping[str, str] = {}


Method = Callable[[Params, Server], Done]

CACHED: Final = {"ttlMs": 3_600_000, "cacheScope": "private"}
"""Lists and documents change with a deployment only, and name the project."""

CACHEABLE: Final = frozenset(
    ("server/discover", "tools/list", "resources/list", "resources/templates/list", "resources/read", "prompts/list")
)


def run(methods: Mapping[str, Method], method: str, params: Params, server: Server) -> Done:
    """Raises `MessageRefused` and `StoreUnavailable`."""
    needed = _NEEDS.get(method.partition("/")[0])
    if method not in methods or (needed and needed not in server.registry.capabilities):
        raise MessageRefused(errors.METHOD_NOT_FOUND, f"Method not found: {shown(method)}")
    return methods[method](params, server)


def _discover(_: Params, server: Server) -> Done:
    told: dict[str, Any] = {"supportedVersions": list(MODERN), "capabilities": server.registry.capabilities}
    return Done(result=told | _instructions(server))


def _initialize(params: Params, server: Server) -> Done:
    version = negotiated(params.get("protocolVersion"))
    told: dict[str, Any] = {
        "protocolVersion": version,
        "capabilities": server.registry.capabilities,
        "serverInfo": server.info,
    }
    return Done(result=told | _instructions(server))


def _ping(_: Params, __: Server) -> Done:
    return Done(result={})


def _list_tools(params: Params, server: Server) -> Done:
    return _whole(params, "tools", [tool.declaration for tool in server.registry.tools])


def _call_tool(params: Params, server: Server) -> Done:
    tool = _named(params, "name", server.registry.tools_by_name, "tool")
    arguments = params.get("arguments")
    try:
        if not isinstance(arguments, dict | None):
            raise ArgumentsWrong("`arguments` must be an object.")
        answer = tool.call(arguments or {}, server.context)
    except ArgumentsWrong as wrong:
        answer = _mistake(str(wrong))
    except QueryError as wrong:
        meant = f" Put `{wrong.suggestion}` in its place." if wrong.suggestion else ""
        answer = _mistake(f"The query is not understood: {wrong.message}.{meant}")
    except CursorRefused:
        answer = _mistake("`cursor` is none of this query and project: repeat the query as it was, or leave it out.")
    except StoreUnavailable as unavailable:
        answer = _unavailable(unavailable)
    result: dict[str, Any] = {"content": list(answer.content)}
    if answer.structured is not None:
        result["structuredContent"] = answer.structured
    if answer.is_error:
        result["isError"] = True
    return Done(
        result=result, outcome="error" if answer.is_error else "ok", rows=answer.rows, headers=answer.headers
    )  # fmt: skip


def _mistake(text: str) -> ToolAnswer:
    """For the model to read: it can mend what it asked."""
    return ToolAnswer(content=[{"type": "text", "text": text}], is_error=True)


def _unavailable(unavailable: StoreUnavailable) -> ToolAnswer:
    after = str(unavailable.retry_after)
    text = f"The store did not answer in time. Ask for a shorter range, or the same again in {after} s."
    return ToolAnswer(content=[{"type": "text", "text": text}], is_error=True, headers={"Retry-After": after})


def _list_resources(params: Params, server: Server) -> Done:
    listed = [
        {"uri": each.uri, "name": each.name, "title": each.title, "description": each.description,
         "mimeType": each.mime_type}
        for each in server.registry.resources
    ]  # fmt: skip
    return _whole(params, "resources", listed)


def _list_templates(params: Params, server: Server) -> Done:
    listed = [
        {"uriTemplate": each.uri_template, "name": each.name, "title": each.title, "description": each.description,
         "mimeType": each.mime_type}
        for each in server.registry.templates
    ]  # fmt: skip
    return _whole(params, "resourceTemplates", listed)


def _read_resource(params: Params, server: Server) -> Done:
    uri = params.get("uri")
    if not isinstance(uri, str):
        raise MessageRefused(errors.INVALID_PARAMS, "Invalid params: `uri` must be text")
    resource = server.registry.resources_by_uri.get(uri)
    if resource is not None:
        return _contents(uri, resource.mime_type, resource.read(server.context))
    for template in server.registry.templates:
        read = template.read(uri, server.context)
        if read is not None:
            return _contents(uri, template.mime_type, read)
    known = ", ".join(server.registry.resources_by_uri)
    raise MessageRefused(errors.INVALID_PARAMS, f"Resource not found: {shown(uri)}; there are: {known}", {"uri": uri})


def _contents(uri: str, mime_type: str, content: str | bytes) -> Done:
    held = {"blob": b64encode(content).decode()} if isinstance(content, bytes) else {"text": content}
    return Done(result={"contents": [{"uri": uri, "mimeType": mime_type} | held]})


def _list_prompts(params: Params, server: Server) -> Done:
    listed = [
        {"name": each.name, "title": each.title, "description": each.description,
         "arguments": [
             {"name": one.name, "description": one.description, "required": one.required} for one in each.arguments
         ]}
        for each in server.registry.prompts
    ]  # fmt: skip
    return _whole(params, "prompts", listed)


def _get_prompt(params: Params, server: Server) -> Done:
    prompt = _named(params, "name", server.registry.prompts_by_name, "prompt")
    given = params.get("arguments")
    given = {} if given is None else given
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise MessageRefused(errors.INVALID_PARAMS, "Invalid params: `arguments` must be an object of texts")
    known = {each.name for each in prompt.arguments}
    missing = [each.name for each in prompt.arguments if each.required and not given.get(each.name)]
    if missing:
        raise MessageRefused(errors.INVALID_PARAMS, f"Invalid params: the prompt needs {', '.join(missing)}")
    messages = prompt.messages({name: value for name, value in given.items() if name in known}, server.context)
    return Done(result={"description": prompt.description, "messages": list(messages)})


def _complete(params: Params, server: Server) -> Done:
    complete, reference, argument = server.registry.complete, params.get("ref"), params.get("argument")
    assert complete is not None, "no completions are offered"
    if not isinstance(reference, dict) or not isinstance(argument, dict):
        raise MessageRefused(errors.INVALID_PARAMS, "Invalid params: `ref` and `argument` must be objects")
    values = list(complete(reference, argument))
    return Done(result={"completion": {"values": values[:100], "total": len(values), "hasMore": len(values) > 100}})


_NEEDS: Final = {
    "tools": "tools", "resources": "resources", "prompts": "prompts", "completion": "completions",
}  # fmt: skip
_SHARED: Final[Mapping[str, Method]] = {
    "tools/list": _list_tools,
    "tools/call": _call_tool,
    "resources/list": _list_resources,
    "resources/templates/list": _list_templates,
    "resources/read": _read_resource,
    "prompts/list": _list_prompts,
    "prompts/get": _get_prompt,
    "completion/complete": _complete,
}
MODERN_METHODS: Final[Mapping[str, Method]] = {"server/discover": _discover, **_SHARED}
LEGACY_METHODS: Final[Mapping[str, Method]] = {"initialize": _initialize, "ping": _ping, **_SHARED}


def _instructions(server: Server) -> dict[str, str]:
    return {"instructions": server.instructions} if server.instructions else {}


def _whole(params: Params, name: str, listed: Sequence[Any]) -> Done:
    """A list on its only page."""
    if params.get("cursor") is not None:
        raise MessageRefused(errors.INVALID_PARAMS, "Invalid cursor: the list has one page")
    return Done(result={name: list(listed)})


def _named(params: Params, key: str, known: Mapping[str, T], kind: str) -> T:
    name = params.get(key)
    if isinstance(name, str) and name in known:
        return known[name]
    near = closest(name, known) if isinstance(name, str) else None
    meant = f"; did you mean `{near}`?" if near else f"; there are: {', '.join(known)}"
    raise MessageRefused(errors.INVALID_PARAMS, f"Unknown {kind}: {shown(name)}{meant}")
