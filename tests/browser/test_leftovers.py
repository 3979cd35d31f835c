"""Nothing is left of a run with a browser: no process, no listening port, and no file unless it was killed."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

SCRIPT = """
import sys
from playwright.sync_api import sync_playwright
from infra.browser import arguments, audit, chromium
from infra.product import product

with product() as running, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
    page = browser.new_page()
    page.goto(running.url + "/healthz")
    audit.pa11y([running.url + "/healthz"])
    print(running.url, flush=True)
    match sys.stdin.readline().strip():
        case "raise":
            raise ValueError("something went wrong")
        case "return":
            browser.close()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not `tmp_path`, whose name is too long for the socket that Chromium makes in it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its processes")
@pytest.mark.parametrize(("ending", "status"), [("return", 0), ("raise", 1), ("kill", -signal.SIGKILL)])
def test_nothing_is_left_however_a_run_ends(ending, status, folder):
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        started = descendants(process.pid)
        assert len(started) > 4  # the product, its engine, Playwright's, Chromium's
        if ending == "kill":
            process.kill()
        process.communicate(f"{ending}\n")
    assert process.returncode == status
    for descriptor in started.values():
        # A killed one's children may need a moment to notice: the kernel says when each has ended.
        assert select.select([descriptor], [], [], 30)[0]
        os.close(descriptor)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
    if ending != "kill":
        assert list(folder.iterdir()) == []


def descendants(ancestor: int) -> dict[int, int]:
    """The running processes below one, each with a descriptor that is readable once it ended."""
    found: dict[int, int] = {}
    waiting = [ancestor]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended while this looked
                for child in map(int, (task / "children").read_text().split()):
                    found[child] = os.pidfd_open(child)
                    waiting.append(child)
    return found
