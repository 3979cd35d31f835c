"""What the functions run: a folder that is a Chalice project, with everything in it that Lambda does not bring.

    app.py chalicelib/      ours
    vendor/                 `requirements-function.txt` for Lambda's platform, which Chalice puts at the root of the zip
    requirements.txt        empty: Chalice itself has nothing left to fetch

Chalice's own packaging would add what its command line needs (a third more), leave bytecode out and fetch whatever
versions are newest. Everything is compiled here, with bytecode that is believed without looking at file times: a cold
start reads it instead of compiling 250 modules.
"""

import compileall
import hashlib
import json
import py_compile
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import chalice.app

from infra.engine_binary import ROOT

PINS: Final = ROOT / "requirements-function.txt"
FOLDER: Final = ROOT / ".local" / "deploy"
"""Where bundles are kept, by the digest of what went in."""

MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
NEWEST_GLIBC: Final = {(3, 11): 26}
"""Minor version of the C library of Lambda's Python runtimes: Amazon Linux 2 up to 3.11, 2023 since."""
GLIBC_2023: Final = 34

KEPT_SECONDS: Final = 3600

LARGEST_BYTES: Final = 25_000_000

LEFT_OUT: Final = ("storage/tables/models.py", "storage/tables/creation.py")
"""Of `chalicelib`: what defines tables, which operators' commands do."""

_SERVICES: Final = frozenset({"sesv2"})
"""What boto3 is in the function for. Of the other 400 services botocore has 20 MB of descriptions."""


class BundleFailed(Exception):
    """The wheels could not be had, or are too many. The message says why."""


def bundle(architecture: str, folder: Path = FOLDER) -> Path:
    """The folder of the bundle, made unless it is there. Raises `BundleFailed`."""
    python = sys.version_info[:2]
    made = folder / f"{architecture}-{python[0]}.{python[1]}-{_digest()}"
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    _forget_old(folder)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        whole = Path(unfinished) / "bundle"
        _fill(whole, architecture, python)
        if not made.exists():  # unless somebody else was faster
            whole.rename(made)
    return made


def _forget_old(folder: Path) -> None:
    """Each change of a source is another bundle. Nobody works with one for longer than `KEPT_SECONDS`."""
    for old in folder.iterdir():
        with suppress(FileNotFoundError):  # somebody else threw it away meanwhile
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(old)


def _fill(whole: Path, architecture: str, python: tuple[int, int]) -> None:
    vendor = whole / "vendor"
    vendor.mkdir(parents=True)
    _install(vendor, architecture, python)
    _prune(vendor)
    for source in sources():
        target = whole / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (whole / "requirements.txt").write_text("# All that ships is in vendor/.\n")
    _compile(whole)


def sources() -> list[Path]:
    """Our own files that ship."""
    left_out = {ROOT / "chalicelib" / name for name in LEFT_OUT}
    inside = [path for path in sorted((ROOT / "chalicelib").rglob("*")) if path.is_file() and _ships(path)]
    return [ROOT / "app.py", *(path for path in inside if path not in left_out)]


def _ships(path: Path) -> bool:
    return "__pycache__" not in path.parts and not path.name.startswith(".")


def _digest() -> str:
    digest = hashlib.sha256(PINS.read_bytes())
    for path in (*sources(), *_of_chalice(), Path(__file__)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


# --- what others wrote ------------------------------------------------------------------------------------------------


def _install(vendor: Path, architecture: str, python: tuple[int, int]) -> None:
    platforms = [f"--platform={name}" for name in platforms_of(architecture, python)]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile",
        "--only-binary=:all:", "--implementation=cp", f"--python-version={python[0]}.{python[1]}", *platforms,
        f"--target={vendor}", f"--requirement={PINS}",
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BundleFailed(f"the wheels for {architecture} cannot be had: {done.stderr.strip()}")


def platforms_of(architecture: str, python: tuple[int, int]) -> Iterator[str]:
    """The names of platforms whose wheels run there, newest first: PEP 600."""
    machine = MACHINES[architecture]
    for minor in range(NEWEST_GLIBC.get(python, GLIBC_2023), 16, -1):
        yield f"manylinux_2_{minor}_{machine}"
    yield f"manylinux2014_{machine}"


def _prune(vendor: Path) -> None:
    for path in list(_unneeded(vendor)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _unneeded(vendor: Path) -> Iterable[Path]:
    yield vendor / "bin"
    yield from vendor.glob("*.dist-info/RECORD")
    yield vendor / "boto3" / "examples"
    for package in ("boto3", "botocore"):
        for described in (vendor / package / "data").iterdir():
            if described.is_dir() and described.name not in _SERVICES:
                yield described


# --- bytecode ---------------------------------------------------------------------------------------------------------


_UNCHECKED: Final = py_compile.PycInvalidationMode.UNCHECKED_HASH

UNZIPPED: Final = "/var/task"
"""Where Lambda unzips a function: what traces name."""


def _compile(whole: Path) -> None:
    vendor = whole / "vendor"
    _compile_folder(whole / "chalicelib", root=whole)
    _compile_folder(vendor, root=vendor)
    # What Chalice puts into the zip by itself; the bytecode of it comes with the vendor folder.
    _compile_file(whole / "app.py", into=vendor, named="app.py")
    for source in _of_chalice():
        _compile_file(source, into=vendor / "chalice", named=f"chalice/{source.name}")


def _compile_folder(folder: Path, *, root: Path) -> None:
    if not compileall.compile_dir(
        folder, quiet=1, stripdir=str(root), prependdir=UNZIPPED, invalidation_mode=_UNCHECKED
    ):
        raise BundleFailed(f"not everything in {folder.name} can be compiled, see above")


def _compile_file(source: Path, *, into: Path, named: str) -> None:
    compiled = into / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    compiled.parent.mkdir(parents=True, exist_ok=True)
    where = f"{UNZIPPED}/{named}"
    py_compile.compile(str(source), str(compiled), dfile=where, doraise=True, invalidation_mode=_UNCHECKED)


def _of_chalice() -> tuple[Path, Path]:
    router = Path(chalice.app.__file__)
    return router, router.with_name("__init__.py")


# --- as a project of Chalice ------------------------------------------------------------------------------------------


def configure(project: Path, files: dict[str, object]) -> None:
    """Writes the files of `.chalice` of a bundle: its configuration and its policies."""
    folder = project / ".chalice"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
