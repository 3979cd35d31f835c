"""The embedded engine keeps what it acknowledged, ends with its owner, and says what is wrong with a folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from infra import engine_binary
from infra.engine import DATABASE, LOCAL_CREDENTIALS, DataFolderCorrupt, DataFolderInUse, engine, is_local, memory_only

KEY = {"k": {"S": "x"}}


def client(endpoint):
    secrets = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client("dynamodb", endpoint_url=endpoint, region_name="us-east-1", **secrets)


def create_and_put(endpoint):
    client(endpoint).create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client(endpoint).put_item(TableName="things", Item=KEY)


def get(endpoint):
    return client(endpoint).get_item(TableName="things", Key=KEY, ConsistentRead=True).get("Item")


def test_what_was_put_is_there_after_a_restart(tmp_path):
    with engine(tmp_path) as endpoint:
        create_and_put(endpoint)
    with engine(tmp_path) as endpoint:
        assert get(endpoint) == KEY


def test_an_engine_without_a_folder_forgets():
    with engine() as endpoint:
        create_and_put(endpoint)
        assert get(endpoint) == KEY
    with engine() as endpoint:
        assert client(endpoint).list_tables()["TableNames"] == []


KILLED = """
import sys
from pathlib import Path
from infra.engine import engine
from tests.infra.test_engine import create_and_put
with engine(Path(sys.argv[1])) as endpoint:
    create_and_put(endpoint)
    print(endpoint, flush=True)
    sys.stdin.read()
"""


@pytest.mark.requirement("I1", "I12")
def test_after_kill_9_the_folder_is_free_at_once_and_holds_what_was_acknowledged(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], **pipes) as owner:
        assert owner.stdout.readline().startswith(b"http://127.0.0.1:")
        os.kill(owner.pid, signal.SIGKILL)
    with engine(tmp_path) as endpoint:
        assert get(endpoint) == KEY


def test_a_folder_has_one_user_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("infra.engine.LOCK_SECONDS", 0)
    with engine(tmp_path), pytest.raises(DataFolderInUse, match=r"in use by another run: .* DATA="), engine(tmp_path):
        pass


@pytest.mark.parametrize("damage", [b"no database at all" * 500, None])
def test_a_damaged_folder_is_named_and_left_alone(tmp_path, damage):
    with engine(tmp_path) as endpoint:
        create_and_put(endpoint)
    database = tmp_path / DATABASE
    sound = database.read_bytes()
    database.write_bytes(damage or sound[:5000] + b"x" * 9000 + sound[14000:])
    before = database.read_bytes()
    with pytest.raises(DataFolderCorrupt, match=r"is damaged .*: put a copy of it back, or move"), engine(tmp_path):
        pass
    assert database.read_bytes() == before


def test_only_its_owner_can_read_a_new_data_folder(tmp_path):
    with engine(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_without_the_engine_moto_answers_and_forgets():
    with memory_only() as endpoint:
        create_and_put(endpoint)
        assert get(endpoint) == KEY
        client(endpoint).delete_table(TableName="things")


@pytest.mark.requirement("V13.2.3")
@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("https://dynamodb.eu-west-1.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
    ],
)
def test_only_this_machine_is_given_the_invented_credentials(endpoint, local):
    assert is_local(endpoint) is local
    assert "AWS_ACCESS_KEY_ID" in LOCAL_CREDENTIALS


def archive(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "dynoxide").write_bytes(content)
    subprocess.run(["tar", "czf", "a.tgz", "package"], cwd=tmp_path, check=True)
    return tmp_path / "a.tgz"


def test_an_archive_with_another_digest_is_never_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_binary, "TOOLS", tmp_path / "tools")
    pin = engine_binary.pinned("linux", "x86_64")
    with pytest.raises(engine_binary.EngineUnavailable, match="not the pinned archive"):
        engine_binary.unpack(pin, archive(tmp_path, b"something else"))
    assert not pin.program.exists()


def test_a_platform_without_a_package_is_named():
    with pytest.raises(engine_binary.EngineUnavailable, match="plan9-vax"):
        engine_binary.pinned("plan9", "vax")
