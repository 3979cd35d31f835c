"""Sample pages of saved views."""

from typing import Any, Final

from msgspec.structs import replace

from chalicelib.routes.pages.lenses import KINDS
from chalicelib.routes.pages.views.explore import Explore, Lens
from chalicelib.routes.pages.views.forms import Form, saved
from chalicelib.routes.pages.views.lenses import Lenses, LensRow, NewLens
from infra.preview import events
from infra.preview.frames import AT_PROJECT, HOME, NOW, SHOP, URL, Samples

PROJECT: Final = SHOP[1]
HERE: Final = f"{PROJECT}/views"


def _row(number: int, name: str, state: str, query: str, about: str, **more: Any) -> LensRow:
    return LensRow(
        id=f"{number:016x}", name=name, next=state, query=query, about=about,
        address=f"{URL}{PROJECT}/explore?{state}", at=NOW - 86_400 * number, form=Form(values={"name": name}), **more,
    )  # fmt: skip


OWN: Final = (
    _row(
        1, "My service, warnings and worse", "q=service:search+level>=warn&since=24h", "service:search level>=warn",
        "last 24 hours",
    ),
    _row(2, "Since yesterday evening", "q=timeout&from=yesterday+17:30", "timeout", "from yesterday 17:30"),
)  # fmt: skip
SHARED: Final = (
    _row(
        9, "Checkout errors", "q=service:checkout+level>=error&since=1h&columns=environment,metadata.http.status",
        "service:checkout level>=error", "last hour, 2 columns", by="Grace Hopper", may_change=False,
    ),
    _row(
        40, "Payments declined", "q=servce:payments+declined&since=7d", "servce:payments declined", "last 7 days",
        by="somebody who left", wrong="No field `servce`; did you mean `service`?",
    ),
)  # fmt: skip
NEW: Final = NewLens(
    crumbs=(HOME, SHOP, ("Views", HERE)), here=HERE, project=PROJECT, next="q=service:checkout+level>=error&since=1h",
    query="service:checkout level>=error", about="last hour, 2 columns", kinds=KINDS,
    others=tuple((each.id, each.name) for each in OWN),
)  # fmt: skip
LISTED: Final = Lenses(
    crumbs=(HOME, SHOP), here=HERE, project=PROJECT, own=OWN, shared=SHARED, saved=saved("The view is renamed.")
)
EXPLORE: Final[Explore] = events.explore(events.ROWS[:20], q="service:checkout level>=error")
LENSES: Final = tuple(Lens(each.name, each.next, each is SHARED[0]) for each in (*OWN, *SHARED))

SAMPLES: Final[Samples] = {
    "explore-view": (replace(EXPLORE, lenses=LENSES), replace(AT_PROJECT, path=EXPLORE.here)),
    "views": (LISTED, replace(AT_PROJECT, path=HERE)),
    "views-none": (replace(LISTED, own=(), shared=(), saved=Form()), replace(AT_PROJECT, path=HERE)),
    "views-wrong": (
        replace(
            LISTED, saved=Form(),
            own=(
                replace(
                    OWN[0],
                    form=Form(
                        values={"name": "Checkout"},
                        errors={"name": "There is a view called “Checkout” already. Take another name."},
                    ),
                ),
                OWN[1],
            ),
        ),
        replace(AT_PROJECT, path=HERE),
    ),
    "view-new": (NEW, replace(AT_PROJECT, path=f"{HERE}/new")),
    "view-new-wrong": (
        replace(NEW, next="", query="servce:x", wrong="No field `servce`; did you mean `service`?"),
        replace(AT_PROJECT, path=f"{HERE}/new"),
    ),
}  # fmt: skip
