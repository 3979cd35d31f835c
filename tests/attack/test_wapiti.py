"""What Wapiti finds: it walks through the pages as a visitor and as an owner, and injects wherever it can."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra import lifeline
from infra.clients import PYTHON
from tests.attack.target import WHO, Target, headers
from tests.long_form import FULL

LOOKING = ("cookieflags", "csp", "csrf", "http_headers", "methods", "htaccess")
INJECTING = ("sql", "xss", "permanentxss", "exec", "file", "crlf", "redirect", "shellshock")
MODULES = LOOKING + INJECTING

LEFT_OUT = {
    "ssrf": "it waits for calls at a host of its own",
    "log4shell": "likewise",
    "spring4shell": "likewise",
    "xxe": "likewise, and no XML is read here",
    "takeover": "it asks name servers",
    "wapp, htp, cms, network_device, wp_enum": "they fetch lists of known products",
    "nikto, buster, backup, brute_login_form": "lists of other products' files, and passwords that limits keep out",
    "ssl, https_redirect": "the gateway of a deployment speaks TLS, the runner does not",
    "ldap": "no LDAP is spoken here, and it takes a refusal that differs for an answer of a directory",
    "timesql": "it judges by the clock, and there is no SQL",
    "upload": "no file is taken here",
}
"""What it could do besides, and why it does not."""

KNOWN: Mapping[str, str] = {
    "X-Frame-Options is not set": "`frame-ancestors 'none'` says so to every browser that there is (CSP 2)",
    "HttpOnly flag is not set in the cookie : __Host-theme": "the page's own script sets it: light or dark, no secret",
}
"""What it finds and is no fault, with the reason."""

STARTS = {"nobody": ("/", "/sign-in", "/sign-up", "/reset", "/status"), "the owner": ("/orgs", "/account")}
KEPT_OUT = ("/sign-out*", "/orgs/acme/settings/leave*", "/static/*")
"""What would end the session under way, and files that are nobody's."""


@pytest.mark.requirement("S22", "S35")
@pytest.mark.parametrize("name", STARTS if FULL else ["the owner"])
def test_it_finds_nothing_that_is_not_known(name: str, at: Target, tmp_path: Path) -> None:
    report = scanned(at, name, tmp_path)
    found = {
        f"{category}: {each['method']} {each['path']} {each['parameter']}": each["info"]
        for kind in ("vulnerabilities", "anomalies")
        for category, entries in report[kind].items()
        for each in entries
        if each["info"] not in KNOWN
    }
    assert found == {}
    assert report["infos"]["crawled_pages_nbr"] >= len(STARTS[name])


def scanned(at: Target, name: str, folder: Path) -> dict[str, Any]:
    """Its report. Whatever it would call outside of this machine goes to a port where nobody listens."""
    tools, org = PYTHON["wapiti"].installed(), f"/orgs/{at.acme.slug}"
    starts = [*STARTS[name], *([f"{org}/projects/{at.acme.project_slug}/explore"] if name == "the owner" else [])]
    shown = {**headers(WHO[name](at)), "Sec-Fetch-Site": "same-origin"}
    del shown["X-CSRF-Token"]  # its forms have to have theirs
    command = [
        sys.executable, "-S", "-X", "utf8", tools / "bin" / "wapiti", "--url", f"{at.url}/",
        *(each for start in starts for each in ("--start", at.url + start)),
        *(each for header in shown.items() for each in ("--header", ": ".join(header))),
        *(each for pattern in KEPT_OUT for each in ("--exclude", at.url + pattern)),
        "--module", ",".join(MODULES), "--scope", "domain", "--depth", "3" if FULL else "2",
        "--max-links-per-page", "40" if FULL else "12", "--max-files-per-dir", "9" if FULL else "5",
        "--max-scan-time", "600", "--max-attack-time", "120" if FULL else "15", "--tasks", "4",
        "--endpoint", "http://127.0.0.1:9/", "--no-bugreport", "--verbose", "0", "--format", "json",
        "--store-session", folder / "session", "--store-config", folder / "config", "--output", folder / "report.json",
    ]  # fmt: skip
    nowhere = {"ALL_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    packages = {"PYTHONPATH": str(tools), "PYTHONDONTWRITEBYTECODE": "1"}
    process = lifeline.start(
        command, cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder), **nowhere, **packages},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = process.communicate()
    assert process.returncode == 0, said.decode(errors="replace")[-4_000:]
    assert (folder / "report.json").exists(), said.decode(errors="replace")[-4_000:]
    report: dict[str, Any] = json.loads((folder / "report.json").read_bytes())
    return report
