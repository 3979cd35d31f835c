"""What the sample pages share: where they are, who looks, and when."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from chalicelib.web.templates import Person, Place, Shell, View

Samples = Mapping[str, tuple[View, Shell]]
"""A page and the frame it is shown in, by the name of its file."""

NOW: Final = 1_795_468_560
URL: Final = "https://scry.example.com"
MCP_URL: Final = f"{URL}/mcp/acme/shop"
KEY: Final = "scry_ing_3fQ9Zk2L9sXoT4bVq7Yw1NcR5eJmA8hUgK6dPw0aB4xY"
VISITOR: Final = Shell(csrf="c5rf")
OTHERS: Final = (Place("shop", "Web shop"), Place("billing", "Billing"), Place("ingest-eu", "Ingest, Frankfurt"))
SIGNED_IN: Final = Shell(path="/account", csrf="c5rf", person=Person("Ada Lovelace", "ada@example.com"), outbox=True)
AT_ORG: Final = replace(
    SIGNED_IN, path="/orgs/acme", org=Place("acme", "Acme"), projects=OTHERS, reads_audit=True, outbox=False
)
AT_PROJECT: Final = replace(AT_ORG, path="/orgs/acme/projects/shop", project=OTHERS[0])
HOME: Final = ("Acme", "/orgs/acme")
SHOP: Final = ("Web shop", "/orgs/acme/projects/shop")
ROLES: Final = (
    (
        "member",
        "Member",
        "reads events, lets apps read them, saves views, marks deploys and patterns; sees people and keys",
    ),
    ("admin", "Admin", "also manages projects, keys, connections, people and settings, and reads the audit log"),
    ("owner", "Owner", "also makes and unmakes owners, hands the organisation on, and deletes it and its projects"),
)
