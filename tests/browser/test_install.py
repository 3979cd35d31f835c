"""What `make browser` cannot install, it says."""

import os
import subprocess
import sys


def test_a_browser_that_is_not_there_is_an_error_in_one_line(tmp_path):
    variables = {**os.environ, "CHROMIUM": str(tmp_path / "chromium")}
    command = [sys.executable, "-m", "infra.browser.install"]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"No browser to test with: there is no {tmp_path / 'chromium'}, which CHROMIUM names.\n"
