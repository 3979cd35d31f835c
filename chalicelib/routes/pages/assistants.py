"""Ways to connect an assistant to a project's MCP server, each ready to be followed in the program that it is for."""

import json
from base64 import b64encode
from typing import Final
from urllib.parse import urlencode

from chalicelib import settings
from chalicelib.routes.pages.views.assistants import Way
from chalicelib.web.guard import PersonPrincipal

NAME: Final = "scrywatch"


def mcp_address(principal: PersonPrincipal) -> str:
    """Of the server of the project that the URL names."""
    return f"{settings.current().url}/mcp/{principal.org.slug}/{principal.project.slug}"


def ways(url: str) -> tuple[Way, ...]:
    """`url` is the address of the server."""
    return (
        Way(
            "claude-code", "Claude Code", "In a shell, then /mcp in Claude Code to sign in.",
            claude_code(url),
        ),
        Way(
            "claude", "Claude", "On the web and in the desktop app: Settings, Connectors, Add custom connector. Give "
            "it the address above and leave the rest empty; then Connect.",
        ),
        Way(
            "chatgpt", "ChatGPT", "On the web: Settings, Apps & Connectors, Advanced settings, Developer mode on. Then "
            "Create, with the address above and OAuth for authentication.",
        ),
        Way(
            "cursor", "Cursor", "In ~/.cursor/mcp.json, or .cursor/mcp.json of a project.", _cursor(url),
            cursor_link(url),
        ),
        Way("vscode", "VS Code", "In .vscode/mcp.json of a project; then Start above the entry.", _vscode(url)),
    )  # fmt: skip


def claude_code(url: str) -> str:
    return f"claude mcp add --transport http {NAME} {url}"


def cursor_link(url: str) -> str:
    """What Cursor takes for the same as an entry in its file."""
    config = b64encode(json.dumps({"url": url}).encode()).decode()
    return f"cursor://anysphere.cursor-deeplink/mcp/install?{urlencode({'name': NAME, 'config': config})}"


def _cursor(url: str) -> str:
    return json.dumps({"mcpServers": {NAME: {"url": url}}}, indent=2)


def _vscode(url: str) -> str:
    return json.dumps({"servers": {NAME: {"type": "http", "url": url}}}, indent=2)
