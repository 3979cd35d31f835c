"""What grows old is said when it is deployed: the secret after a year, the versions of what ships after a month."""

import datetime as dt
from pathlib import Path

import pytest

from infra.deploy import ages
from infra.deploy.ages import PINS_DAYS, SECRET_DAYS, looked_through, looked_through_on, said

ROOT = Path(__file__).parents[2]
TODAY = dt.date(2026, 11, 30)


def before(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


@pytest.mark.requirement("V13.3.4")
def test_a_secret_is_due_after_a_year() -> None:
    assert said(secret=before(SECRET_DAYS), pins=TODAY, today=TODAY) == []
    [notice] = said(secret=before(SECRET_DAYS + 1), pins=TODAY, today=TODAY)
    assert notice.startswith("The secret is 366 days old")


@pytest.mark.requirement("V15.2.1")
def test_versions_are_due_after_a_month() -> None:
    assert said(secret=TODAY, pins=before(PINS_DAYS), today=TODAY) == []
    [notice] = said(secret=TODAY, pins=before(PINS_DAYS + 1), today=TODAY)
    assert "for 31 days: `make upgrade`" in notice


@pytest.mark.requirement("V15.2.1")
def test_the_pins_say_when_they_were_looked_through_and_an_upgrade_writes_it() -> None:
    assert ages.of_pins() > dt.date(2026, 1, 1)
    text = ages.PINS.read_text()
    moved = looked_through_on(text, TODAY)
    assert looked_through(moved) == TODAY
    assert moved.replace(str(TODAY), str(ages.of_pins())) == text


@pytest.mark.requirement("V13.3.4", "V15.1.1")
def test_how_old_they_may_get_is_documented() -> None:
    assert f"every {SECRET_DAYS} days" in (ROOT / "docs" / "deploy.md").read_text()
    assert f"every {PINS_DAYS} days" in (ROOT / "SECURITY.md").read_text()
