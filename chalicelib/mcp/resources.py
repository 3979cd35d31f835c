"""Documents that help to ask: the query language, and the fields of an event."""

from pathlib import Path
from typing import Final

from chalicelib.events.event import LEVELS, TYPES
from chalicelib.events.query.fields import FIELDS, Kind
from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import Resource

LANGUAGE: Final = Path(__file__).with_name("query_language.md")


def read_language(_: Context) -> str:
    return LANGUAGE.read_text(encoding="utf-8")


def read_schema(context: Context) -> str:
    """The fields that every project has; `project_overview` tells which are used."""
    lines = [f"| {field.name} | {', '.join(field.aliases)} | {_HOLDS[field.kind]} |" for field in FIELDS]
    return "\n".join(
        [
            "# The fields of an event",
            "",
            "| field | short names | holds |",
            "|---|---|---|",
            *lines,
            f"| metadata.… | meta.… | {_HOLDS[Kind.METADATA]} |",
            "",
            f"Levels, lightest first: {', '.join(LEVELS)}. Types that clients send: {', '.join(TYPES)}; others occur.",
            "Answers also show `id`, by which `get_event` finds the event, and `received_at`. Times are in UTC.",
            f"Events are kept for {context.scope.retention_days} days.",
            "",
        ]
    )


_HOLDS: Final = {
    Kind.TIME: "when it happened",
    Kind.LEVEL: "how grave it is",
    Kind.WORD: "one of a few words",
    Kind.TEXT: "text",
    Kind.METADATA: "whatever was sent, by the path of its keys",
}

RESOURCES: Final = (
    Resource(
        uri="scrywatch://query-language",
        name="query-language",
        title="The query language",
        description="How `q` is written, with examples. Read it before writing anything but single words.",
        mime_type="text/markdown",
        read=read_language,
    ),
    Resource(
        uri="scrywatch://schema",
        name="schema",
        title="The fields of an event",
        description="What every event has, under which names, and what each field holds.",
        mime_type="text/markdown",
        read=read_schema,
    ),
)
