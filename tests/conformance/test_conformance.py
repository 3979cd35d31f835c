"""The official conformance suite's requirements of a server, in both eras, against the product's own dispatch."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.mcp import catalogue
from infra.gateway import claim
from tests.api.client import new_tenant
from tests.clients.programs import program, run
from tests.conformance import fixtures
from tests.conformance.server import server

REVISIONS = ("2026-07-28", "2025-11-25")


def expected(revision: str) -> Path:
    return Path(__file__).with_name(f"expected-failures-{revision}.yaml")


@pytest.fixture
def served(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a project whose tools are the suite's."""
    port = claim(0)
    monkeypatch.setenv("SCRY_URL", f"http://127.0.0.1:{port}")
    settings.current.cache_clear()
    monkeypatch.setattr(catalogue, "REGISTRY", fixtures.REGISTRY)
    tenant = new_tenant("acme", "web")
    with server(tenant.query_key, port) as url:
        yield f"{url}/mcp/acme/web"


@pytest.mark.requirement("M1", "M2", "M3", "M4")
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_requirement_is_met_but_for_what_a_read_only_server_never_does(served, revision, tmp_path):
    suite = program("conformance", "server", "--url", served, "--requirements", revision)
    judged = run([*suite, "--expected-failures", expected(revision)], tmp_path)
    assert judged.status == 0, judged.said


@pytest.mark.parametrize("revision", REVISIONS)
def test_whatever_may_fail_has_its_reason(revision):
    lines = expected(revision).read_text().splitlines()
    assert lines.pop(0) == "server:"
    entries = [line for line in lines if not re.fullmatch(r"  # \w.*", line)]
    assert entries
    assert all(re.fullmatch(r"  - [\w:-]+", entry) for entry in entries)
    assert lines[0] not in entries
