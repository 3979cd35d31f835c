"""Where a hole is told about (RFC 9116)."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib import settings
from tests.api.client import Client

PLACE = "/.well-known/security.txt"
CONTACT = "https://example.com/report?to=scrywatch"


@pytest.fixture
def contact(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SCRY_SECURITY_CONTACT", CONTACT)
    settings.current.cache_clear()
    return CONTACT


@pytest.mark.requirement("S42")
def test_it_names_the_contact_and_is_good_for_less_than_a_year(moto_store, contact):
    answer = Client().get(PLACE)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    fields = dict(line.split(": ", 1) for line in answer.body.decode().splitlines())
    assert (fields["Contact"], fields["Canonical"]) == (contact, settings.current().url + PLACE)
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=170) < left < timedelta(days=365)


@pytest.mark.requirement("S42")
def test_a_deployment_that_names_no_contact_has_no_such_file(moto_store):
    assert Client().get(PLACE).status == 404


@pytest.mark.requirement("S42")
def test_the_repository_says_how_to_report():
    text = (Path(__file__).parents[2] / "SECURITY.md").read_text()
    for said in ("security.txt", "docs/promises.md", "docs/security.md", "No certification is claimed"):
        assert said in text


@pytest.mark.requirement("S43")
def test_no_certification_is_claimed_anywhere():
    root = Path(__file__).parents[2]
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "chalicelib").rglob("*.html"),
             *(root / "chalicelib").rglob("*.md")]  # fmt: skip
    claims = re.compile(
        r"\b(?:certified|accredited|(?:gdpr|hipaa|pci|soc ?2|iso ?27001|asvs)[- ]compliant)\b", re.IGNORECASE
    )
    said = {str(page.relative_to(root)): found for page in pages if (found := claims.findall(page.read_text()))}
    assert len(pages) > 60
    assert said == {}
