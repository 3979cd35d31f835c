"""The protocol's own schemas, as judges of what is answered."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).with_name("schemas")

MODERN = "2026-07-28"
LEGACY = "2025-11-25"

RESULTS = {
    "server/discover": "DiscoverResult",
    "initialize": "InitializeResult",
    "ping": "EmptyResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult",
    "completion/complete": "CompleteResult",
}

ERRORS = {
    -32700: "ParseError", -32600: "InvalidRequestError", -32601: "MethodNotFoundError", -32602: "InvalidParamsError",
    -32603: "InternalError", -32020: "HeaderMismatchError", -32022: "UnsupportedProtocolVersionError",
}  # fmt: skip
OF_WHOLE_ANSWERS = ("HeaderMismatchError", "UnsupportedProtocolVersionError")
"""Schemas that describe the answer and not its error."""


@cache
def validator(revision: str, name: str) -> Draft202012Validator:
    schema = msgspec.json.decode((SCHEMAS / f"schema-{revision}.json").read_bytes())
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


def check(revision: str, name: str, document: Any) -> None:
    """Fails with what the schema says against the document."""
    validator(revision, name).validate(document)


def check_answer(revision: str, method: str, document: Any) -> None:
    """The whole of an answer to a request of this method."""
    if "error" in document:
        check(revision, "JSONRPCErrorResponse", document)
        name = ERRORS[document["error"]["code"]]
        if revision == MODERN:
            check(revision, name, document if name in OF_WHOLE_ANSWERS else document["error"])
        return
    check(revision, "JSONRPCResultResponse", document)
    check(revision, RESULTS[method], document["result"])
