"""Writes the sample pages, and the files that they refer to, into a folder."""

import os
import sys
from pathlib import Path
from typing import Final

from chalicelib.web.templates import document, static_files
from infra.preview import SAMPLES
from infra.preview.frames import URL

NO_SECRET: Final = "00" * 32
"""Nothing is signed on these pages, but there is no deployment without one."""


def main(folder: Path) -> None:
    os.environ |= {"SCRY_URL": URL, "SCRY_SECRETS": NO_SECRET}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (view, shell) in SAMPLES.items():
        (folder / f"{name}.html").write_bytes(document(view, shell))
    for file in static_files().values():
        place = folder / "static" / file.digest
        place.mkdir(parents=True, exist_ok=True)
        (place / file.name).write_bytes(file.content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
