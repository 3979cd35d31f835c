"""The pictures of the README: what they are of, and how heavy they may be."""

from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from infra import pictures
from infra.browser.app import App
from infra.demo.incidents import CYCLE, MINUTE
from infra.demo.stream import events
from infra.pictures import AFTER, BEFORE, HEAVIEST, PICTURES, QUALITIES, NoPictures, Shop, last_crash, lightest
from infra.product import Product

NOW = 1_795_493_040_000


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    account = {"org": "local", "project": "app"}
    running = Product(url="http://127.0.0.1:8000", data=tmp_path, process=1, account=account)
    return Shop(running, last_crash(NOW), "an-id", "a-deploy", App("http://127.0.0.1:9/callback"))


@pytest.mark.parametrize("later", range(0, CYCLE, 7 * MINUTE))
def test_the_last_crash_is_over_and_lies_in_the_history_that_the_demo_sends(later: int) -> None:
    now = NOW + later

    crash = last_crash(now)

    assert now - CYCLE <= crash + AFTER <= now
    assert crash - BEFORE >= now - 3 * 60 * MINUTE, pictures.HISTORY


def test_the_demo_has_a_crash_of_payments_there() -> None:
    crash = last_crash(NOW)

    stream = islice(events(seed=7, rate=5, start=crash), 100)

    [fatal] = [event for event in stream if event["level"] == "fatal"]
    assert (fatal["service"], fatal["timestamp"]) == ("payments", crash)


def test_the_explorer_shows_the_time_before_the_crash_with_its_row_open(shop: Shop) -> None:
    asked = parse_qs(urlsplit(PICTURES["explorer"](shop)).query)

    assert asked["open"] == ["an-id"]
    assert int(asked["from"][0]) < shop.crash < int(asked["to"][0])


def test_every_picture_is_of_the_product(shop: Shop) -> None:
    addresses = [address(shop) for address in PICTURES.values()]

    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith(shop.running.url) for address in addresses)


def test_a_picture_has_the_best_quality_that_is_light_enough() -> None:
    assert lightest(lambda quality: bytes(HEAVIEST + quality - QUALITIES[2])) == bytes(HEAVIEST)


def test_a_picture_that_is_always_too_heavy_is_none() -> None:
    with pytest.raises(NoPictures, match=f"may have {HEAVIEST}"):
        lightest(lambda _: bytes(HEAVIEST + 1))


def test_without_a_browser_it_says_so_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")

    assert pictures.main([str(tmp_path / "pictures")]) == 1

    assert "No pictures: there is no /nowhere/chromium" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.webp"))
