"""The README's commands do what it says: they are run here, in order, against the running product."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.pictures import HEAVIEST, PICTURES, WELCOME, WELCOMING
from infra.screenshots import SCHEMES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """The URL and the data folder of the product, as `make run` starts it."""
    data = tmp_path_factory.mktemp("data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SCRY_", "AWS_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=environment | {"PORT": str(port), "DATA": str(data)},
        stdout=subprocess.DEVNULL,
    )
    try:
        gives_up_at = time.monotonic() + 60
        while not (data / "ready.json").exists():
            assert process.poll() is None, "the product ended before it was ready"
            assert time.monotonic() < gives_up_at, "the product did not get ready"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", data
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.requirement("S34")
def test_the_commands_of_the_readme_work_one_after_the_other(product):
    url, data = product
    outputs = _run("\n".join(block for block in BLOCKS if "make run" not in block), url, data)
    assert '{"accepted":1,"duplicates":0,"rejected":[]}' in outputs
    assert outputs.count("payment declined") >= 3
    assert "disk full" in outputs
    assert '"next_cursor":null' in outputs
    assert '"isError":false' in outputs or '"structuredContent"' in outputs
    assert "scry_ing_" in outputs


def test_the_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"no target {target}"


def test_the_pages_that_the_readme_links_to_exist():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_each_picture_is_shown_light_and_dark_and_said_in_words():
    sources = re.findall(
        r'<source media="\(prefers-color-scheme: dark\)" srcset="docs/pictures/(\w+)-dark.webp">', README
    )
    shown = re.findall(r'<img src="docs/pictures/(\w+)-light.webp"(?: width="\d+%")? alt="[^"]{30,}">', README)
    assert sources == shown
    assert sorted(shown) == sorted(PICTURES)
    assert len(re.findall("<picture>", README)) == len(shown)


def test_the_pictures_are_there_and_light_enough():
    files = {f"{name}-{scheme}.webp" for name in PICTURES for scheme in SCHEMES}
    assert {path.name for path in (ROOT / "docs/pictures").iterdir()} == files
    for name in files:
        picture = (ROOT / "docs/pictures" / name).read_bytes()
        assert (picture[:4], picture[8:12]) == (b"RIFF", b"WEBP"), name
        assert 10_000 < len(picture) <= HEAVIEST, name


def test_the_landing_page_has_the_same_picture():
    for scheme in SCHEMES:
        name = f"{WELCOMING}-{scheme}.webp"
        assert (ROOT / WELCOME / name).read_bytes() == (ROOT / "docs/pictures" / name).read_bytes()


def _run(script: str, url: str, data: Path) -> str:
    # `make admin` would first look after the environment: that is another test's business.
    script = re.sub(r'make admin ARGS="([^"]*)"', rf"{sys.executable} -m infra.admin \1", script)
    script = script.replace("http://127.0.0.1:8000", url).replace(".local/ready.json", str(data / "ready.json"))
    script = re.sub(r"bin/scry (\w+)", rf"bin/scry \1 --ready {data / 'ready.json'}", script)
    shell = shutil.which("bash")
    assert shell, "bash is needed"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SCRY_", "AWS_"))}
    done = subprocess.run(
        [shell, "-eu", "-o", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment | {"DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
