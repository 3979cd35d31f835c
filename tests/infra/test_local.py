"""What `make run` makes of its variables, and what it says when it cannot."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import Options, OptionsWrong, environment, options, write_privately


def chosen(data: Path) -> Options:
    return options({"DATA": str(data)})


def test_the_defaults_are_those_of_the_readme():
    assert options({}) == Options(port=8000, data=Path(".local"), endpoint="", demo=False, rate=5.0)


def test_every_variable_counts():
    given = {"PORT": "9", "DATA": "d", "ENDPOINT": "http://localhost:1", "DEMO": "1", "RATE": "2.5"}
    assert options(given) == Options(port=9, data=Path("d"), endpoint="http://localhost:1", demo=True, rate=2.5)


def test_only_who_names_a_file_turns_the_clock():
    assert options({}).clock is None
    assert options({"TEST_CLOCK": ""}).clock is None
    assert options({"TEST_CLOCK": "ahead"}).clock == Path("ahead")


def test_only_who_asks_for_it_is_served_as_behind_a_distribution():
    assert [options(given).edge for given in ({}, {"TEST_EDGE": ""}, {"TEST_EDGE": "1"})] == [False, False, True]


@pytest.mark.parametrize("wrong", [{"PORT": "http"}, {"PORT": "0"}, {"PORT": "65536"}, {"PORT": "٣"}, {"RATE": "fast"}])
def test_a_variable_that_cannot_be_used_is_named(wrong):
    with pytest.raises(OptionsWrong, match=next(iter(wrong))):
        options(wrong)


def test_a_private_file_is_private_and_replaced_in_one_step(tmp_path):
    path = tmp_path / "ready.json"
    for content in ({"key": "old"}, {"key": "new"}):
        write_privately(path, content)
        assert path.stat().st_mode & 0o777 == 0o600
        assert json.loads(path.read_text()) == content
    assert [file.name for file in tmp_path.iterdir()] == ["ready.json"]


def test_the_secret_stays_the_same_and_private(tmp_path):
    first = environment(chosen(tmp_path), "http://127.0.0.1:1")
    assert environment(chosen(tmp_path), "http://127.0.0.1:1") == first
    assert len(bytes.fromhex(first["SCRY_SECRETS"])) == 32
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_invented_credentials_are_for_this_machine_only(tmp_path):
    assert environment(chosen(tmp_path), "http://127.0.0.1:1")["AWS_ACCESS_KEY_ID"] == "local"
    assert "AWS_ACCESS_KEY_ID" not in environment(chosen(tmp_path), "https://dynamodb.eu-west-1.amazonaws.com")


def test_a_busy_port_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        variables = {**os.environ, "PORT": str(port), "DATA": str(tmp_path / "data")}
        command = [sys.executable, "-m", "infra.local"]
        ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"scrywatch: port {port} is in use: stop what listens there, or take another with PORT=\n"
    assert not (tmp_path / "data").exists()


def test_an_endpoint_that_does_not_answer_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        endpoint = f"http://127.0.0.1:{other.getsockname()[1]}"
    variables = {**os.environ, "PORT": "8000", "DATA": str(tmp_path / "data"), "ENDPOINT": endpoint}
    with socket.create_server(("127.0.0.1", 0)) as probe:
        variables["PORT"] = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "infra.local"]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"scrywatch: nothing answers at {endpoint} (")
    assert ended.stderr.endswith("): start it, or leave ENDPOINT= out\n")
