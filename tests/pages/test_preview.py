"""`python -m infra.preview FOLDER` gives pages that a browser can show from that folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

from infra.preview import SAMPLES

ROOT = Path(__file__).parents[2]


def test_every_sample_is_written_with_the_files_it_refers_to(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCRY_")}
    subprocess.run([sys.executable, "-m", "infra.preview", tmp_path], cwd=ROOT, env=environment, check=True, timeout=60)
    assert {page.stem for page in tmp_path.glob("*.html")} == set(SAMPLES)
    named = {each for page in tmp_path.glob("*.html") for each in re.findall(r'"/(static/[^"]+)"', page.read_text())}
    assert named
    assert [each for each in named if not (tmp_path / each).is_file()] == []
