"""Sample pages of a project's keys and settings."""

from typing import Final

from msgspec.structs import replace

from chalicelib.routes.pages.examples import curl
from chalicelib.routes.pages.views import projects
from chalicelib.routes.pages.views.forms import Form
from infra.preview.frames import AT_PROJECT, HOME, KEY, NOW, SHOP, URL, Samples

KEYS: Final = (
    projects.KeyRow(
        "3fQ9Zk2L", "checkout, production", "scry_ing_3fQ9Zk2L", "sending", NOW - 86_400 * 40, "Ada Lovelace",
        NOW - 3_600, None, True,
    ),
    projects.KeyRow(
        "b7Tn0QxE", "Grafana panel", "scry_qry_b7Tn0QxE", "asking", NOW - 86_400 * 9, "Grace Hopper", None,
        NOW + 86_400 * 81,
    ),
)  # fmt: skip

SAMPLES: Final[Samples] = {
    "keys": (
        projects.Keys(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/keys",
            keys=KEYS,
            may_write=True,
            kinds=(
                ("ingest", "Ingest", "sends events and reads nothing: for applications, browsers and devices"),
                ("query", "Query", "reads events and sends nothing: for programs that ask"),
            ),
            lifetimes=(("", "Never"), ("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year")),
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/keys"),
    ),
    "key-made": (
        projects.KeyMade(
            crumbs=(HOME, SHOP, ("Keys", "/orgs/acme/projects/shop/keys")),
            here="/orgs/acme/projects/shop/keys",
            label="checkout, production",
            use="sending",
            key=KEY,
            curl=curl(URL, KEY),
            sentence="The old key works until 24 Nov 2026, 21:16 UTC.",
        ),
        AT_PROJECT,
    ),
    "key": (
        projects.Key(
            title="checkout, production",
            crumbs=(HOME, SHOP, ("Keys", "/orgs/acme/projects/shop/keys")),
            here="/orgs/acme/projects/shop/keys/3fQ9Zk2L",
            key=KEYS[0],
            may_write=True,
            label=Form(values={"label": "checkout, production"}),
            overlaps=(("24", "day"), ("1", "hour"), ("168", "week")),
            lifetimes=(("", "Never"), ("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year")),
            breaks="Whatever sends with it is refused from the next request on: it was last used on 23 Nov, 20:16.",
        ),
        AT_PROJECT,
    ),
    "settings": (
        projects.ProjectSettings(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/settings",
            may_write=True,
            may_delete=True,
            name=Form(values={"name": "Web shop", "slug": "shop"}),
            window=Form(values={"retention_days": "30"}),
            kept="Events are kept for 30 days: what happened before 24 Oct 2026, 14:03 UTC is gone.",
            longest=90,
            shorter=(("1 day", 1), ("7 days", 7), ("14 days", 14)),
            plan="The organisation's plan, pro, gives each project at most 90 days, and 5,000,000 events a day.",
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/settings"),
    ),
    "shorter": (
        projects.Shorter(
            title="Keep events for 7 days",
            crumbs=(HOME, SHOP, ("Settings", "/orgs/acme/projects/shop/settings")),
            here="/orgs/acme/projects/shop/settings/shorter",
            days=7,
            version=3,
            now="30 days: what happened since 24 Oct 2026, 14:03 UTC",
            then="7 days: what happened since 16 Nov 2026, 14:03 UTC",
            goes="1,204,310 events go, the oldest of 24 Oct 2026.",
            any=True,
            look="/orgs/acme/projects/shop/explore?from=1792850600000&to=1794837800000",
            may_write=True,
        ),
        AT_PROJECT,
    ),
}
