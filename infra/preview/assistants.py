"""Sample pages of consent and of connected assistants."""

from typing import Final

from msgspec.structs import replace

from chalicelib.routes.pages.assistants import ways
from chalicelib.routes.pages.views import assistants
from chalicelib.routes.pages.views.forms import Form, saved
from infra.preview.frames import AT_PROJECT, HOME, MCP_URL, NOW, SHOP, SIGNED_IN, Samples

CONNECTED: Final = (
    assistants.ConnectionRow(
        path="/orgs/acme/projects/shop/connections/c1", client="Claude", proof="proven by claude.ai",
        back_to="claude.ai", project="Web shop", by="Ada Lovelace", made=NOW - 86_400 * 12, used=NOW - 600,
        ends=NOW + 86_400 * 78, limit=120, may_revoke=True,
    ),
    assistants.ConnectionRow(
        path="/orgs/acme/projects/shop/connections/c2", client="Claude Code", proof="",
        back_to="127.0.0.1:43117", project="Web shop", by="Grace Hopper", made=NOW - 86_400, used=None,
        ends=NOW + 86_400 * 89, limit=120, may_revoke=False,
    ),
)  # fmt: skip

QUESTION: Final = assistants.Consent(
    title="Claude asks to read Acme / Web shop",
    path="/oauth/authorize",
    question="c2VhbGVk",
    client="Claude",
    proof="proven by claude.ai",
    back_to="claude.ai",
    project="Acme / Web shop",
    until=NOW + 86_400 * 90,
)

AT_THIS_COMPUTER: Final = (
    "The answer goes to a program on this computer, and any program here can ask in this name. Allow it only if you "
    "started this yourself, just now."
)

SAMPLES: Final[Samples] = {
    "consent": (QUESTION, replace(SIGNED_IN, path="/oauth/authorize")),
    "consent-choice": (
        replace(
            QUESTION,
            title="Claude Code asks to read one of your projects",
            client="Claude Code",
            proof="",
            back_to="127.0.0.1:43117",
            warning=AT_THIS_COMPUTER,
            project="",
            choices=(("a.b", "Web shop", "Acme"), ("a.c", "Billing", "Acme"), ("d.e", "Engine", "Analytical lab")),
            left_out="Not among them: projects of Bletchley, which requires a second factor.",
            form=Form(errors={"project": "Choose the project that it may read."}),
        ),
        replace(SIGNED_IN, path="/oauth/authorize"),
    ),
    "handed-back": (
        assistants.HandedBack(
            title="Nothing was given",
            client="127.0.0.1:43117",
            detail="the only scope is events:read",
            url="http://127.0.0.1:43117/callback?error=invalid_scope",
        ),
        replace(SIGNED_IN, path="/oauth/authorize"),
    ),
    "connections": (
        assistants.Connections(
            crumbs=(HOME, SHOP),
            url=MCP_URL,
            local=False,
            ways=ways(MCP_URL),
            keys="/orgs/acme/projects/shop/keys",
            connections=CONNECTED,
            saved=saved("The connection ended: the app’s next call is refused."),
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/connections"),
    ),
    "connections-empty": (
        assistants.Connections(
            crumbs=(HOME, SHOP),
            url="http://127.0.0.1:8000/mcp/acme/shop",
            local=True,
            ways=ways("http://127.0.0.1:8000/mcp/acme/shop"),
            keys="/orgs/acme/projects/shop/keys",
            connections=(),
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/connections"),
    ),
    "connection": (
        assistants.Connection(
            title="Claude",
            crumbs=(HOME, SHOP, ("Connections", "/orgs/acme/projects/shop/connections")),
            here=CONNECTED[0].path,
            connection=CONNECTED[0],
            calls=(
                assistants.CallRow(NOW * 1000 - 600_000, "search_events", "ok", 50, 84),
                assistants.CallRow(NOW * 1000 - 604_000, "project_overview", "ok", 12, 31),
                assistants.CallRow(NOW * 1000 - 90_000_000, "tools/list", "error", 0, 2),
            ),
            may_limit=True,
            form=Form(values={"limit": "120"}),
        ),
        AT_PROJECT,
    ),
    "connection-unused": (
        assistants.Connection(
            title="Claude Code",
            crumbs=(HOME, SHOP, ("Connections", "/orgs/acme/projects/shop/connections")),
            here=CONNECTED[1].path,
            connection=CONNECTED[1],
            calls=(),
            may_limit=False,
        ),
        AT_PROJECT,
    ),
    "own-connections": (
        assistants.OwnConnections(connections=CONNECTED[:1]),
        replace(SIGNED_IN, path="/account/connections"),
    ),
    "own-connections-empty": (
        assistants.OwnConnections(connections=()),
        replace(SIGNED_IN, path="/account/connections"),
    ),
}
