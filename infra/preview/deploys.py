"""Sample pages of deploys: made of sample patterns by the code that makes the real ones."""

from typing import Final

from msgspec.structs import replace

from chalicelib.events.query.answers import Understood
from chalicelib.events.query.budget import Scanned
from chalicelib.events.query.counts import PatternsAnswer
from chalicelib.events.query.deploy_diff import DeployDiff
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.patterns import Pattern
from chalicelib.events.scope import Scope
from chalicelib.events.store.deploys import Deploy, Release
from chalicelib.ids import OrgId, ProjectId
from chalicelib.routes.pages import deploy_page
from chalicelib.routes.pages.deploy_page import Seen
from chalicelib.routes.pages.views import deploys
from chalicelib.routes.pages.views.forms import Form, saved
from chalicelib.storage.audit import Actor
from infra.preview.events import HOUR_MS, NOW_MS
from infra.preview.frames import AT_PROJECT, HOME, SHOP, Samples

HERE: Final = "/orgs/acme/projects/shop/deploys"
AT: Final = NOW_MS - HOUR_MS // 2
CURL: Final = (
    'curl https://scry.example.com/api/deploys \\\n  -H "Authorization: Bearer $SCRY_KEY" \\\n'
    """  -d '{"version": "v1.4.2", "service": "checkout", "environment": "production"}'"""
)

MARKERS: Final = (
    Deploy(
        "01a0e1f5c2e800000001", AT,
        Release(
            "v1.4.2", "checkout", "production", "https://scry.example.com/runs/7", "Card provider asked twice, #412"
        ),
        Actor("key", "3fQ9Zk2L"), AT,
    ),
    Deploy(
        "01a0e1f5c2e800000002", AT - 19 * HOUR_MS, Release("3.781.0", "payments", "production"), Actor("person", "7"),
        AT,
    ),
    Deploy("01a0e1f5c2e800000003", AT - 49 * HOUR_MS, Release("9d2f7c1"), Actor("person", "7"), AT),
)  # fmt: skip

ROWS: Final = tuple(
    deploy_page.row(each, "key checkout, production" if each.by.kind == "key" else "Ada Lovelace", NOW_MS)
    for each in MARKERS
)


def _pattern(template: str, level: str, count: int) -> Pattern:
    sample = template.replace("<n>", "42").replace("<id>", "A-1042").replace("<duration>", "812 ms")
    return Pattern(template, sample, AT, AT, count, {level: count})


def _patterns(start: int, levels: dict[str, int], services: dict[str, int], *found: Pattern) -> PatternsAnswer:
    return PatternsAnswer(
        patterns=list(found), other=0, levels=levels, services=services, partial=False, reached=None,
        query=Understood("*"), start=start, end=start + HOUR_MS // 4, scanned=Scanned(),
    )  # fmt: skip


BEFORE: Final = _patterns(
    AT - HOUR_MS // 4,
    {"error": 12, "warn": 31, "info": 8_204, "debug": 2_118},
    {"api": 7_140, "checkout": 2_031, "payments": 1_194},
    _pattern("GET /products/<n> <n> <duration>", "info", 6_021),
    _pattern("slow query <duration>: shards=<n>", "warn", 31),
    _pattern("payment declined: card expired order=<id>", "error", 12),
    _pattern("cart cache warmed in <duration>", "info", 14),
    _pattern("order <id> placed", "info", 411),
)
AFTER: Final = _patterns(
    AT,
    {"fatal": 1, "error": 139, "warn": 204, "info": 7_930, "debug": 2_240},
    {"api": 7_011, "checkout": 2_304, "payments": 1_199},
    _pattern("GET /products/<n> <n> <duration>", "info", 5_988),
    _pattern("Provider pay.example.net timed out after <duration> (attempt <n> of <n>)", "warn", 173),
    _pattern("Order <id> not placed: payment unavailable", "error", 88),
    _pattern("Payment for <id> failed: provider timed out <n> times", "error", 39),
    _pattern("Unhandled ProviderTimeout: connection pool exhausted", "fatal", 1),
    _pattern("slow query <duration>: shards=<n>", "warn", 30),
    _pattern("payment declined: card expired order=<id>", "error", 12),
    _pattern("order <id> placed", "info", 96),
)
KEPT: Final = Scope(OrgId(b""), ProjectId(b""), 30)
DIFF: Final = DeployDiff(BEFORE, AFTER, {"payments": 12}, {"checkout": 88, "payments": 52}, partial=False)


def _deploy(diff: DeployDiff | None, **more: object) -> deploys.Deploy:
    seen = None if diff is None else Seen(MARKERS[0], 15, Everything(), diff)
    difference = deploy_page.difference(seen, scope=KEPT, now_ms=NOW_MS) if seen else None
    page = deploys.Deploy(
        title="Deploy v1.4.2", crumbs=(HOME, SHOP, ("Deploys", HERE)), project="/orgs/acme/projects/shop",
        here=f"{HERE}/{MARKERS[0].id}", deploy=ROWS[0], difference=difference, twin_link="minutes=15&of=all",
        lengths=(
            deploys.Way("5 minutes", "minutes=5&of=all", current=False),
            deploys.Way("15 minutes", "minutes=15&of=all", current=True),
            deploys.Way("1 hour", "minutes=60&of=all", current=False),
        ),
        scopes=(
            deploys.Way("Whole project", "minutes=15&of=all", current=True),
            deploys.Way("Only checkout, production", "minutes=15&of=own", current=False),
        ),
        may_delete=True,
    )  # fmt: skip
    return replace(page, **more)


SAMPLES: Final[Samples] = {
    "deploys": (
        deploys.Deploys(
            crumbs=(HOME, SHOP), here=HERE, rows=ROWS, older_link="cursor=01", curl=CURL, may_write=True,
            saved=saved("The deploy is recorded."),
        ),
        replace(AT_PROJECT, path=HERE),
    ),
    "deploys-empty": (
        deploys.Deploys(crumbs=(HOME, SHOP), here=HERE, rows=(), curl=CURL, may_write=False),
        replace(AT_PROJECT, path=HERE),
    ),
    "deploys-wrong": (
        deploys.Deploys(
            crumbs=(HOME, SHOP), here=HERE, rows=ROWS[:1], range="24 Nov 14:00–14:05 UTC", curl=CURL, may_write=True,
            wrong="`since`: `1q` is no length of time.",
            form=Form(values={"version": "v1", "url": "ftp://x"}, errors={"url": "It must be one https:// address."}),
        ),
        replace(AT_PROJECT, path=HERE),
    ),
    "deploy": (_deploy(DIFF), replace(AT_PROJECT, path=f"{HERE}/{MARKERS[0].id}")),
    "deploy-early": (
        _deploy(None, wrong="`minutes` must be one of 5, 15, 60, not `7`."),
        replace(AT_PROJECT, path=f"{HERE}/{MARKERS[0].id}"),
    ),
}  # fmt: skip
