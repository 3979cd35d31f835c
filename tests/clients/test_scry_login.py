"""The command line logs in as any other client does: by the browser, for one project, until somebody ends it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.product import Product, product
from tests.clients.consent import Person, send, signed_in

ROOT = Path(__file__).parents[2]
SCRY = [sys.executable, "-m", "scry"]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product() as served:
        yield served


@pytest.fixture(scope="module")
def person(running: Product) -> Person:
    return signed_in(running)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of somebody who has nothing but the command, in a folder without a `ready.json`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRY_")}
    return kept | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(ROOT)}


def run(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCRY, *arguments], env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def logged_in(
    environment: dict[str, str], folder: Path, person: Person, *, decision: str = "allow", **changed: str
) -> subprocess.CompletedProcess[str]:
    """Runs the login, and answers the page whose address it prints."""
    account = person.account
    arguments = ["login", person.url, "--org", account["org"], "--project", account["project"], "--no-browser"]
    started = subprocess.Popen(
        [*SCRY, *arguments], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    started.stdout.readline()
    back = person.answered(started.stdout.readline().strip(), decision)
    for old, new in changed.items():
        back = back.replace(f"{old}=", f"{new}=")
    assert send("GET", back).status == 200
    out, err = started.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, started.returncode, out, err)


def kept(environment: dict[str, str]) -> Path:
    return Path(environment["XDG_CONFIG_HOME"]) / "scry" / "login.json"


def connections(person: Person) -> list[dict[str, object]]:
    path = "/api/orgs/{org}/projects/{project}/connections".format(**person.account)
    return list(person.asks("GET", path).json["data"])


@pytest.mark.requirement("S1", "S10", "O19")
def test_a_login_reads_the_project_until_the_logout(environment, tmp_path, person):
    ended = logged_in(environment, tmp_path, person)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert kept(environment).stat().st_mode & 0o077 == 0
    assert run(environment, tmp_path, "count").returncode == 0
    assert "scry, the command line" in json.dumps(connections(person))
    before = connections(person)
    assert run(environment, tmp_path, "logout").stdout == "Logged out.\n"
    assert not kept(environment).exists()
    assert len(connections(person)) == len(before) - 1
    assert run(environment, tmp_path, "count").returncode == 2


@pytest.mark.requirement("S8")
def test_a_token_that_works_no_more_is_renewed_once_also_by_several_commands_at_once(environment, tmp_path, person):
    logged_in(environment, tmp_path, person)
    file = kept(environment)
    login = json.loads(file.read_text())
    file.write_text(json.dumps(login | {"access_token": "scry_at_" + "0" * 59}))
    several = [
        subprocess.Popen([*SCRY, "count"], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(4)
    ]
    assert [each.wait(60) for each in several] == [0, 0, 0, 0]
    assert json.loads(file.read_text())["refresh_token"] != login["refresh_token"]
    assert run(environment, tmp_path, "count").returncode == 0


@pytest.mark.requirement("S10")
def test_a_connection_that_somebody_ended_reads_nothing(environment, tmp_path, person):
    logged_in(environment, tmp_path, person)
    path = "/api/orgs/{org}/projects/{project}/connections".format(**person.account)
    for each in connections(person):
        assert person.asks("DELETE", f"{path}/{each['id']}").status == 204
    ended = run(environment, tmp_path, "count")
    assert (ended.returncode, "scry login" in ended.stderr, "Traceback" in ended.stderr) == (3, True, False)


@pytest.mark.requirement("V10.1.2", "V10.2.1", "V10.2.2")
@pytest.mark.parametrize(
    ("decision", "changed"), [("deny", {}), ("allow", {"state": "stale"}), ("allow", {"iss": "is", "code": "kode"})]
)
def test_an_answer_that_is_no_yes_to_this_question_logs_nobody_in(environment, tmp_path, person, decision, changed):
    ended = logged_in(environment, tmp_path, person, decision=decision, **changed)
    assert (ended.returncode, kept(environment).exists()) == (3, False)
    assert "Traceback" not in ended.stderr
