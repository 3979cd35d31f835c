"""Puts a wrong into a copy of the tree and runs the tests that name the promise; the tree itself is never touched."""

import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SHARED: Final = (".venv", ".tools")
"""What the copy shares with the tree: nothing in there is mutated."""

SLOW: Final = ("tests/browser", "tests/clients", "tests/conformance", "tests/campaign")
"""Tests of the running product, asked only where no other test names the promise."""

PASSED: Final = 0
FAILED: Final = 1
SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands once in `file`, and `new` in its place breaks the promise `id`."""

    id: str
    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Verdict:
    mutant: Mutant
    killed: bool
    said: str
    """The closing line of pytest."""


class MutantStale(Exception):
    """The place of a mutant is not there any more, or is there twice."""


def mutated(text: str, mutant: Mutant) -> str:
    """The file's text with the wrong in it. Raises `MutantStale`."""
    if text.count(mutant.old) != 1:
        raise MutantStale(f"{mutant.id}: {mutant.file} holds {text.count(mutant.old)} times {mutant.old!r}")
    return text.replace(mutant.old, mutant.new)


def that_name(promise: str, root: Path = ROOT) -> list[str]:
    """The tests that name it, as pytest wants them: the quick ones, if there are any."""
    found = [name for path in sorted((root / "tests").rglob("test_*.py")) for name in _named(path, promise, root)]
    return [name for name in found if not name.startswith(SLOW)] or found


def run(mutants: Sequence[Mutant]) -> Iterator[Verdict]:
    """Each in its turn. Raises `MutantStale`, and `subprocess.TimeoutExpired` where the tests do not end."""
    with _copy() as copy:
        for mutant in mutants:
            place = copy / mutant.file
            right = place.read_text()
            place.write_text(mutated(right, mutant))
            try:
                yield _verdict(mutant, copy)
            finally:
                place.write_text(right)


@contextmanager
def _copy() -> Iterator[Path]:
    """The tree as it is now, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        for name in SHARED:
            (copy / name).symlink_to(ROOT / name)
        yield copy


def _verdict(mutant: Mutant, copy: Path) -> Verdict:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *that_name(mutant.id, copy)]
    ended = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=SECONDS, check=False)
    closing = next(iter(reversed(ended.stdout.strip().splitlines())), ended.stderr.strip()[-200:])
    if ended.returncode not in (PASSED, FAILED):
        raise MutantStale(f"{mutant.id}: its tests could not be run: {closing}")
    return Verdict(mutant, ended.returncode == FAILED, closing)


def _named(path: Path, promise: str, root: Path) -> Iterator[str]:
    """The tests of a file that name the promise; the file itself, where its `pytestmark` does."""
    name = str(path.relative_to(root))
    for test, promises in _marked(path):
        if promise in promises:
            yield f"{name}::{test}" if test else name
            if not test:
                return


@cache
def _marked(path: Path) -> list[tuple[str, frozenset[str]]]:
    """The tests of a file with the promises that they name; without a name, what `pytestmark` names."""
    found = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            found.append(("", _promises(node.value)))
        if isinstance(node, ast.FunctionDef):
            found.append((node.name, frozenset[str]().union(*map(_promises, node.decorator_list))))
    return found


def _promises(node: ast.expr) -> frozenset[str]:
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    marks = [each for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "requirement"]
    return frozenset(str(given.value) for mark in marks for given in mark.args if isinstance(given, ast.Constant))
