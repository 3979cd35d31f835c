"""The tools, documents and prompts that the official conformance suite asks a server to have, as values of ours.

Of what it asks for these are all that a server can have that only reads and answers each message once.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import (
    Content,
    Prompt,
    PromptArgument,
    Registry,
    Resource,
    Template,
    Tool,
    ToolAnswer,
)

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE: Final = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA=="

NOTHING: Final = {"type": "object", "properties": {}, "additionalProperties": False}


def text(said: str) -> Content:
    return {"type": "text", "text": said}


def embedded(uri: str, mime_type: str, said: str) -> Content:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": said}}


IMAGE: Final = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
AUDIO: Final = {"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}

ANSWERS: Final[Mapping[str, Sequence[Content]]] = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [AUDIO],
    "test_embedded_resource": [
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        IMAGE,
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
    "test_error_handling": [text("This tool intentionally returns an error for testing")],
    # What these would send while they work, a server that answers once never sends: the suite looks that it does not.
    "test_streaming_elicitation": [text("Nobody was asked anything.")],
    "test_logging_tool": [text("Nothing was logged.")],
}

SCHEMA_2020_12: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def _tool(name: str, content: Sequence[Content]) -> Tool:
    answer = ToolAnswer(content=content, is_error=name == "test_error_handling")
    return Tool(
        name=name,
        title=name,
        description=f"Answers as the suite expects of {name}.",
        input_schema=NOTHING,
        call=lambda _arguments, _context: answer,
    )


def _document(uri: str, mime_type: str, content: str | bytes) -> Resource:
    return Resource(
        uri=uri, name=uri, title=uri, description="A document.", mime_type=mime_type, read=lambda _: content
    )


def _data(uri: str, _context: Context) -> str | None:
    number = uri.removeprefix("test://template/").removesuffix("/data")
    if uri != f"test://template/{number}/data" or "/" in number:
        return None
    return json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})


def _said(*content: Content) -> Sequence[Mapping[str, Any]]:
    return [{"role": "user", "content": each} for each in content]


REGISTRY: Final = Registry(
    tools=(
        *(_tool(name, content) for name, content in ANSWERS.items()),
        Tool(
            name="json_schema_2020_12_tool",
            title="JSON Schema 2020-12",
            description="Tool with JSON Schema 2020-12 features",
            input_schema=SCHEMA_2020_12,
            call=lambda arguments, _: ToolAnswer(content=[text(json.dumps(arguments))]),
        ),
    ),
    resources=(
        _document("test://static-text", "text/plain", "This is the content of the static text resource."),
        _document("test://static-binary", "image/png", base64.b64decode(PIXEL)),
    ),
    templates=(
        Template(
            uri_template="test://template/{id}/data",
            name="template",
            title="A template",
            description="A document for every id.",
            mime_type="application/json",
            read=_data,
        ),
    ),
    prompts=(
        Prompt(
            name="test_simple_prompt",
            title="Simple",
            description="A prompt without arguments.",
            messages=lambda _arguments, _: _said(text("This is a simple prompt for testing.")),
        ),
        Prompt(
            name="test_prompt_with_arguments",
            title="With arguments",
            description="A prompt with two arguments.",
            arguments=[PromptArgument("arg1", "The first.", True), PromptArgument("arg2", "The second.", True)],
            messages=lambda given, _: _said(
                text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")
            ),
        ),
        Prompt(
            name="test_prompt_with_embedded_resource",
            title="With a document",
            description="A prompt that holds a document.",
            arguments=[PromptArgument("resourceUri", "The document's.", True)],
            messages=lambda given, _: _said(
                embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing."),
                text("Please process the embedded resource above."),
            ),
        ),
        Prompt(
            name="test_prompt_with_image",
            title="With an image",
            description="A prompt that holds an image.",
            messages=lambda _arguments, _: _said(IMAGE, text("Please analyze the image above.")),
        ),
    ),
    complete=lambda _ref, argument: [word for word in ("paris", "park", "party") if word.startswith(argument["value"])],
)
