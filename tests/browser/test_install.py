"""What `make browser` installs is pinned to the last byte, and what it cannot install it says."""

import json
import os
import re
import subprocess
import sys

from infra.browser import PINS


def test_every_tool_is_pinned_by_version_and_digest():
    package, lock = (json.loads(path.read_text()) for path in PINS)
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in package["dependencies"].values())
    assert lock["packages"].pop("")["dependencies"] == package["dependencies"]
    assert len(lock["packages"]) > len(package["dependencies"])
    assert all(pinned["integrity"].startswith("sha512-") for pinned in lock["packages"].values())


def test_no_pin_names_a_registry():
    _, lock = (json.loads(path.read_text()) for path in PINS)
    assert not any("resolved" in pinned for pinned in lock["packages"].values())


def test_a_browser_that_is_not_there_is_an_error_in_one_line(tmp_path):
    variables = {**os.environ, "CHROMIUM": str(tmp_path / "chromium")}
    command = [sys.executable, "-m", "infra.browser.install"]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"No browser to test with: there is no {tmp_path / 'chromium'}, which CHROMIUM names.\n"
