"""What ships: everything that a function needs, compiled, for the machine it runs on, and nothing else."""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from infra.deploy import bundle as making
from infra.deploy.bundle import LARGEST_BYTES, LEFT_OUT, MACHINES, PINS, bundle, platforms_of, sources
from infra.deploy.policies import CLOUDFORMATION
from infra.deploy.project import package, project
from infra.deploy.stage import CONFIG, stage
from infra.engine_binary import ROOT
from tests.deploy.aws import HERE, ON_LINUX

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^;\s]+)", re.MULTILINE)
ELF_MACHINES = {0x3E: "x86_64", 0xB7: "aarch64"}
DEVELOPMENT = {"tests", "conftest.py", "infra", "benchmarks", "scry", "pytest", "hypothesis", "moto", "granian", "mypy"}


def pinned(file: str) -> dict[str, str]:
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PIN.findall((ROOT / file).read_text())}


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, as `chalice package` writes it."""
    out = tmp_path_factory.mktemp("package")
    chosen = stage("dev")
    with project(chosen, CLOUDFORMATION) as folder:
        package(folder, out, chosen, variables={"AWS_DEFAULT_REGION": "us-east-1"})
    return out / "deployment.zip"


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the zip for this machine."""
    chosen = json.loads(CONFIG.read_text()) | {"lambda_architecture": HERE}
    file = tmp_path_factory.mktemp("config") / "config.json"
    file.write_text(json.dumps(chosen))
    out = tmp_path_factory.mktemp("unzipped")
    described = stage("dev", file)
    with project(described, CLOUDFORMATION) as folder:
        package(folder, out / "package", described, variables={"AWS_DEFAULT_REGION": "us-east-1"})
    with zipfile.ZipFile(out / "package" / "deployment.zip") as whole:
        whole.extractall(out / "function")
    return out / "function"


def alone(function: Path, program: str) -> list[str]:
    """What a program prints that finds nothing but the function and the standard library."""
    outside = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    program = f"import sys; sys.path.insert(0, {str(function)!r}); {program}"
    done = subprocess.run([outside, "-I", "-S", "-B", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# --- what is in it ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("V13.4.1", "V15.2.3")
def test_the_zip_is_small_and_holds_no_tests_no_tools_and_no_history(packaged: Path) -> None:
    with zipfile.ZipFile(packaged) as whole:
        names = whole.namelist()
    assert packaged.stat().st_size < LARGEST_BYTES
    assert len(names) == len({*names})
    ours = [name for name in names if name.startswith(("app.py", "chalicelib/")) and "__pycache__" not in name]
    assert sorted(ours) == sorted(path.relative_to(ROOT).as_posix() for path in sources())
    assert [name for name in names if DEVELOPMENT.intersection(name.split("/"))] == []
    hidden = [name for name in names if Path(name).name.startswith(".") or name.endswith((".pem", ".key", ".env"))]
    assert hidden == ["botocore/cacert.pem"]  # public authorities
    assert {name.split("/")[0] for name in names if name.startswith(("chalice", "pynamodb", "pip", "click"))} == {
        "chalice",
        "chalicelib",
    }


@pytest.mark.requirement("I10", "V13.3.1")
def test_no_secret_is_in_the_zip(packaged: Path) -> None:
    looks_like_one = re.compile(rb"scry_(?:ing|qry)_[A-Za-z0-9]{44}|AKIA[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY")
    with zipfile.ZipFile(packaged) as whole:
        ours = [name for name in whole.namelist() if name.startswith(("app.py", "chalicelib/"))]
        assert [name for name in ours if looks_like_one.search(whole.read(name))] == []


@pytest.mark.parametrize("architecture", MACHINES)
def test_compiled_libraries_are_of_the_machine_that_runs_them(architecture: str) -> None:
    libraries = list((bundle(architecture) / "vendor").rglob("*.so*"))
    machines = {ELF_MACHINES[int.from_bytes(path.read_bytes()[18:20], "little")] for path in libraries}
    assert len(libraries) >= 5
    assert machines == {MACHINES[architecture]}


def test_wheels_are_those_that_the_c_library_of_the_runtime_can_load() -> None:
    assert next(platforms_of("arm64", (3, 11))) == "manylinux_2_26_aarch64"
    assert next(platforms_of("x86_64", (3, 14))) == "manylinux_2_34_x86_64"
    assert all("2_17" in name or "2014" in name for name in list(platforms_of("arm64", (3, 11)))[-2:])


def test_what_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = tmp_path / "requirements.txt"
    nowhere.write_text("msgspec==0.0.1\n")
    monkeypatch.setattr(making, "PINS", nowhere)
    with pytest.raises(making.BundleFailed, match="msgspec"):
        bundle("arm64", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_bundles_of_an_hour_ago_are_thrown_away_and_one_that_is_there_is_taken(tmp_path: Path) -> None:
    old, new = tmp_path / "arm64-3.11-old", tmp_path / "arm64-3.11-new"
    for each in (old, new):
        (each / "vendor").mkdir(parents=True)
    os.utime(old, (0, 0))
    made = bundle("x86_64", tmp_path)
    assert not old.exists()
    assert new.exists()
    before = made.stat().st_mtime_ns
    assert bundle("x86_64", tmp_path) == made
    assert made.stat().st_mtime_ns == before


# --- what is pinned ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("V15.1.2")
def test_what_ships_is_pinned_to_the_versions_that_the_tests_run_with() -> None:
    function = pinned("requirements-function.txt")
    assert function == {name: importlib.metadata.version(name) for name in function}
    assert pinned("requirements.txt").items() - function.items() == {
        (name, version) for name, version in pinned("requirements.txt").items() if name in ("chalice", "pynamodb")
    }


@pytest.mark.requirement("V15.1.2")
def test_everything_that_what_ships_needs_ships_too() -> None:
    function = pinned("requirements-function.txt")
    needed = {name for each in function for name in _needs(each)}
    assert needed <= function.keys()


@ON_LINUX
@pytest.mark.requirement("V15.1.2")
def test_the_zip_holds_the_libraries_that_are_listed_and_no_other(unzipped: Path) -> None:
    """Chalice is there as the two files that serve requests, and pynamodb is not."""
    shipped = {re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower() for path in unzipped.glob("*.dist-info")}
    listed = (Requirement(line) for line in PINS.read_text().splitlines() if "==" in line)
    assert shipped == {
        re.sub(r"[-_.]+", "-", each.name).lower() for each in listed if each.marker is None or each.marker.evaluate()
    }


def _needs(distribution: str) -> Iterator[str]:
    """What a distribution asks for here, which is what it asks for on Lambda: the same Python, on Linux, no extras."""
    for requirement in map(Requirement, importlib.metadata.requires(distribution) or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield re.sub(r"[-_.]+", "-", requirement.name).lower()


# --- how it starts ----------------------------------------------------------------------------------------------------


@ON_LINUX
def test_every_module_is_imported_with_nothing_but_what_is_in_the_zip(unzipped: Path) -> None:
    modules = [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for path in sources()
        if path.suffix == ".py"
    ]
    program = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint('all')"
    assert alone(unzipped, program) == ["all"]
    keys = "aws_access_key_id='a', aws_secret_access_key='b'"
    mail = f"import boto3; boto3.client('sesv2', region_name='us-east-1', {keys}); print('mail')"
    assert alone(unzipped, mail) == ["mail"]


@ON_LINUX
def test_all_of_it_is_compiled_and_no_file_time_decides(unzipped: Path) -> None:
    """Flags of a compiled file (PEP 552): 1 is by hash, and 2 of it that the hash is checked."""
    tag = sys.implementation.cache_tag
    for source in (path for path in unzipped.rglob("*.py") if "templates" not in path.parts):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        head = compiled.read_bytes()[:8]
        assert head[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(head[4:], "little") == 1, compiled


@ON_LINUX
def test_a_start_compiles_nothing(unzipped: Path, tmp_path: Path) -> None:
    """Sources with a mistake in them do no harm: nobody reads them."""
    spoilt = shutil.copytree(unzipped, tmp_path / "function")
    for source in spoilt.rglob("*.py"):
        source.write_text(f"raise SyntaxError({source.name!r})\n")
    assert alone(spoilt, "import app; print(len(app.app.routes) > 100)") == ["True"]


def test_what_defines_tables_does_not_ship() -> None:
    assert {path.relative_to(ROOT / "chalicelib").as_posix() for path in sources()[1:]}.isdisjoint(LEFT_OUT)
    assert PINS.name == "requirements-function.txt"
