"""A stage as a Chalice project: the bundle with the stage's configuration and policies, and Chalice run on it.

What Chalice remembers of a deployment stays where it always does, in `deployed/<stage>.json` beside `config.json`:
commit it, or the next machine deploys a second one beside the first. There is no secret in it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from infra.deploy.bundle import bundle, configure
from infra.deploy.policies import Place, policies
from infra.deploy.stage import Stage

_CHALICE: Final = "import sys; from chalice.cli import main; sys.exit(main())"


class ChaliceFailed(Exception):
    """Chalice did not do it, and has said why."""


@contextmanager
def project(stage: Stage, place: Place) -> Iterator[Path]:
    """The folder of the project, for as long as Chalice works on it. Raises `BundleFailed`."""
    whole = bundle(stage.config.get("lambda_architecture", "x86_64"))
    with tempfile.TemporaryDirectory(dir=whole.parent, prefix=f"{stage.name}-") as folder:
        made = Path(folder) / stage.app
        shutil.copytree(whole, made, copy_function=os.link)
        configure(made, {"config.json": stage.config, **policies(stage, place)})
        stage.remembered.mkdir(parents=True, exist_ok=True)
        (made / ".chalice" / "deployed").symlink_to(stage.remembered, target_is_directory=True)
        yield made


def run(folder: Path, *arguments: str, variables: Mapping[str, str]) -> None:
    """Runs a command of Chalice's there. Raises `ChaliceFailed`."""
    command = [sys.executable, "-c", _CHALICE, "--project-dir", str(folder), *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **variables}, check=False)
    if done.returncode:
        raise ChaliceFailed(f"`chalice {arguments[0]}` failed, see above")


class Api(Struct, frozen=True):
    """The REST API that was deployed."""

    id: str
    url: str


def deployed_api(stage: Stage) -> Api | None:
    """What Chalice remembers of it: None where nothing is deployed, or all was deleted since."""
    file = stage.remembered / f"{stage.name}.json"
    resources = json.loads(file.read_text())["resources"] if file.exists() else []
    apis = (Api(each["rest_api_id"], each["rest_api_url"]) for each in resources if "rest_api_id" in each)
    return next(apis, None)


def package(folder: Path, out: Path, stage: Stage, *arguments: str, variables: Mapping[str, str]) -> None:
    """Writes what another tool deploys. Raises `ChaliceFailed`."""
    shutil.rmtree(out, ignore_errors=True)
    run(folder, "package", "--stage", stage.name, *arguments, str(out), variables=variables)
