"""The page on usage, as people meet it at a browser without JavaScript, and its twin."""

import html
import json
import re

import pytest

from chalicelib.events.store.usage import tally
from chalicelib.identity.plan_changes import set_plan
from chalicelib.identity.plans import Plan
from chalicelib.identity.projects import org_by_slug
from tests.api.client import Client
from tests.explorer.conftest import PROJECT, Explorer, explorer
from tests.explorer.test_hostile import CONTROL, RTL, inert
from tests.pages.samples import HOSTILE
from tests.usage.conftest import soon

__all__ = ["explorer"]

USAGE = f"{PROJECT}/usage"


@pytest.fixture
def ada(explorer: Explorer) -> Explorer:
    explorer.sends(
        {"level": "error", "service": "payments", "message": "card declined"},
        {"level": "info", "service": "payments", "message": "order placed"},
        {"level": "info", "message": "no service"},
    )
    return explorer


def test_it_tells_what_is_stored_and_what_was_sent(ada: Explorer):
    page = ada.opens(USAGE)
    assert re.search(r"<dt>Events stored</dt><dd>3</dd>", page)
    assert "Of all events of these days." in page
    assert "This project keeps events for 30 days." in page
    assert "is not limited" in page
    assert ada.visitor.heading == "Usage"


def test_a_bar_leads_to_the_events_of_its_day(ada: Explorer):
    page = ada.opens(USAGE)
    bars = re.findall(r'<a href="([^"]+)"><title>([^<]+)</title>', page)
    assert [words.partition(": ")[2] for _, words in bars] == ["1 error, 2 info"]
    ada.opens(html.unescape(bars[0][0]))
    assert len(ada.messages) == 3


def test_the_drawing_is_a_table_too(ada: Explorer):
    page = ada.opens(USAGE)
    rows = re.findall(r"<tr>.*?</tr>", page[page.index("As a table") :])
    today = re.findall(r'data-label="(\w+)">([^<]*)</td>', rows[1])
    assert dict(today) | {"error": "1", "info": "2", "Accepted": "3", "Rejected": ""} == dict(today)
    assert len(re.findall(r'<th scope="row"><a', page[page.index("As a table") : page.index("By level")])) == 30


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ("payments", ["card declined", "order placed"]),
        ("others, or none", ["no service"]),
        ("error", ["card declined"]),
    ],
)
def test_levels_and_services_lead_to_their_events(ada: Explorer, words: str, messages: list[str]):
    page = ada.opens(USAGE)
    [link] = re.findall(rf'<a href="([^"]+)">(?:<bdi>|<span class="level \w+">){words}<', page)
    ada.opens(html.unescape(link))
    assert ada.messages == messages


def test_a_key_is_named_and_leads_to_its_page(ada: Explorer):
    ada.opens(USAGE)
    prefix = ada.key[:17]
    assert f"{prefix}…" in ada.visitor.html
    assert ada.key not in ada.visitor.html
    [link] = re.findall(rf'href="({PROJECT}/keys/[^"]+)"', ada.visitor.html)
    ada.visitor.opens(link)
    assert ada.visitor.response is not None
    assert ada.visitor.response.status == 200


def test_rejections_come_with_what_to_do(ada: Explorer):
    ada.opens(USAGE)
    assert "No event was rejected" in ada.visitor.html
    batch = {"events": [{"message": "fine"}, {"timestamp": 978_307_200_000}, 7]}
    tally._flushed_at = None  # else it would be added ten seconds later
    assert Client().post("/api/ingest", batch, key=ada.key).status == 202
    page = ada.opens(USAGE)
    assert "too_old" in page
    assert "Look at the sender's clock" in html.unescape(page)
    assert "not_an_object" in page


def test_a_project_without_events_shows_what_fills_it(explorer: Explorer):
    page = explorer.opens(USAGE)
    assert "Nothing in these days" in page
    assert "/api/ingest" in page
    assert "<svg" not in page.partition("<main")[2].replace('<svg class="icon"', "")


def test_days_are_chosen_by_a_form_or_a_link(ada: Explorer):
    ada.opens(USAGE)
    ada.opens(ada.link("7 days"))
    assert len(re.findall(r'<th scope="row"><a href="[^"]+from=', ada.visitor.html.partition("By level")[0])) == 7
    assert re.search(r'aria-current="page">7 days', ada.visitor.html)


@pytest.mark.parametrize(
    ("query", "beside"),
    [
        ("?from=soon", "must be a day such as"),
        ("?from=2999-01-01", "ends before it starts"),
        ("?dys=3", "no parameter"),
    ],
)
def test_what_is_wrong_is_said_and_the_usual_days_are_shown(ada: Explorer, query: str, beside: str):
    page = ada.opens(USAGE + query)
    assert beside in page
    assert re.search(r"<dt>Events stored</dt><dd>3</dd>", page)


def test_the_twin_tells_the_same(ada: Explorer):
    ada.opens(USAGE)
    answer = ada.visitor.opens(ada.link("This page as JSON"))
    told = json.loads(answer.body)
    assert (told["total"]["events"], told["total"]["accepted"]) == (3, 3)
    [key] = told["keys"]
    assert (key["key"], key["accepted"]) == (ada.key[9:17], 3)
    assert key["label"]


def test_text_of_strangers_is_inert(explorer: Explorer):
    text = f"{HOSTILE}{RTL}{CONTROL}javascript:alert(1)"
    explorer.sends({"service": text, "message": "x"}, {"service": "s" * 100_000, "message": "y"})
    explorer.opens(USAGE)
    inert(explorer)
    links = [
        each.attributes["href"] for each in explorer.visitor.page.all("a") if "q=service" in each.attributes["href"]
    ]
    assert links
    assert max(map(len, links)) < 3_000
    explorer.opens(links[0])
    assert explorer.messages == ["x"]


# --- the daily allowance ----------------------------------------------------------------------------------------------

WARNED = (USAGE, f"{PROJECT}/explore", f"{PROJECT}/settings")


@pytest.fixture
def limited(explorer: Explorer) -> Explorer:
    """May send ten events a day."""
    org = org_by_slug("acme")
    assert org is not None
    set_plan(org, Plan("custom", 30, 10), now=explorer.now // 1000)
    return explorer


def take(limited: Explorer, count: int) -> None:
    limited.sends(*({"message": f"{number}"} for number in range(count)))
    tally.flush(now_ms=limited.now + 60_000, deadline=soon())


def warnings(limited: Explorer) -> list[str]:
    """What each of the pages says of it."""
    return [
        " ".join(re.findall(r'<p class="notice care" role="status">([^<]*allowance[^<]*)</p>', limited.opens(path)))
        for path in WARNED
    ]


def test_below_four_fifths_no_page_warns_and_usage_says_how_much_is_used(limited: Explorer):
    take(limited, 7)
    assert warnings(limited) == ["", "", ""]
    page = " ".join(limited.opens(USAGE).split())
    assert "Today 7 of 10 events were taken, 70 % of the allowance. From 8 on its owners and admins are told." in page
    assert "From 11 on, a tenth more than the allowance, events are refused with 429." in page
    assert "It begins again at 00:00 UTC, in " in page


def test_from_four_fifths_on_three_pages_warn(limited: Explorer):
    take(limited, 8)
    for told in warnings(limited):
        assert told.startswith("80 % of today&#39;s allowance of 10 events is used. From 11 on events are refused")


@pytest.mark.requirement("I11")
def test_when_events_are_refused_the_pages_say_so_and_usage_counts_them(limited: Explorer):
    take(limited, 11)
    refused = Client().post("/api/ingest", {"events": [{"message": "no"}]}, key=limited.key)
    assert refused.status == 429
    tally.flush(now_ms=limited.now + 120_000, deadline=soon())
    for told in warnings(limited):
        assert "is used up, and a tenth more: what is sent is refused and lost until 00:00 UTC" in told
    page = limited.opens(USAGE)
    assert "over_allowance" in page
    assert "ask for another plan" in page


def test_settings_say_what_the_plan_gives(limited: Explorer):
    assert "plan, custom, gives each project at most 30 days, and 10 events a day." in limited.opens(
        f"{PROJECT}/settings"
    )
