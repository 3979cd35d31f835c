"""What a server offers, as values: the dispatch is the same for ours and for any other."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

from chalicelib.mcp.context import Context

Content = Mapping[str, Any]
"""A content block of the protocol, such as `{"type": "text", "text": "…"}`."""

Outcome = Literal["ok", "error", "refused"]
"""How a call went, for its connection's log: carried out, answered with what is wrong, or not carried out at all."""


class ToolAnswer(Struct, frozen=True, kw_only=True):
    """What a tool gives back. `rows` is how many events, groups or patterns it holds."""

    content: Sequence[Content]
    structured: Any = None
    is_error: bool = False
    rows: int = 0
    headers: Mapping[str, str] = {}
    """Of the HTTP answer: `Retry-After`, where waiting helps."""


class Tool(Struct, frozen=True, kw_only=True):
    """Reads, and nothing else: every tool is declared so."""

    name: str
    title: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None
    call: Callable[[Mapping[str, Any], Context], ToolAnswer]
    """From the arguments as they came. Raises `ArgumentsWrong` and what the engine raises."""

    @property
    def declaration(self) -> Mapping[str, Any]:
        annotations = {
            "title": self.title, "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True,
            "openWorldHint": False,
        }  # fmt: skip
        declared = {
            "name": self.name, "title": self.title, "description": self.description, "inputSchema": self.input_schema,
            "annotations": annotations,
        }  # fmt: skip
        return declared if self.output_schema is None else {**declared, "outputSchema": self.output_schema}


class Resource(Struct, frozen=True, kw_only=True):
    """A document. Text, or bytes where it is none."""

    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    read: Callable[[Context], str | bytes]


class Template(Struct, frozen=True, kw_only=True):
    """Documents whose addresses are made by a rule. `read` gives None for an address that is not of it."""

    uri_template: str
    name: str
    title: str
    description: str
    mime_type: str
    read: Callable[[str, Context], str | bytes | None]


class PromptArgument(Struct, frozen=True):
    name: str
    description: str
    required: bool = False


class Prompt(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    description: str
    arguments: Sequence[PromptArgument] = ()
    messages: Callable[[Mapping[str, str], Context], Sequence[Mapping[str, Any]]]


class Registry(Struct, frozen=True, kw_only=True, dict=True):
    """Everything on offer, in the order that it is listed in."""

    tools: tuple[Tool, ...] = ()
    resources: tuple[Resource, ...] = ()
    templates: tuple[Template, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    complete: Callable[[Mapping[str, Any], Mapping[str, Any]], Sequence[str]] | None = None
    """Values for an argument that is being written: from its `ref` and `argument`. None where that is not offered."""

    @cached_property
    def tools_by_name(self) -> Mapping[str, Tool]:
        return {tool.name: tool for tool in self.tools}

    @cached_property
    def prompts_by_name(self) -> Mapping[str, Prompt]:
        return {prompt.name: prompt for prompt in self.prompts}

    @cached_property
    def resources_by_uri(self) -> Mapping[str, Resource]:
        return {resource.uri: resource for resource in self.resources}

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """Of each kind that there is something of. Nothing here changes while it is looked at."""
        offered = {
            "tools": self.tools, "resources": self.resources or self.templates, "prompts": self.prompts,
            "completions": self.complete,
        }  # fmt: skip
        return {name: {} for name, there in offered.items() if there}


class Server(Struct, frozen=True, kw_only=True):
    """Who answers, with what, and for whom."""

    registry: Registry
    context: Context
    version: str
    instructions: str = ""
    name: str = "scrywatch"
    title: str = "Scrywatch"

    @property
    def info(self) -> Mapping[str, str]:
        return {"name": self.name, "title": self.title, "version": self.version}
