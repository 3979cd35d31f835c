"""The command as it is started: from anywhere, through a link, and in a folder that is not to be trusted."""

import os
import subprocess
from pathlib import Path

import pytest

from scry.commands import main
from tests.cli.scripted_server import Reply

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "bin/scry"


def started(*arguments: str, command: Path = COMMAND, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCRY_")}
    return subprocess.run(
        [command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_starts_from_any_folder_and_through_a_link(tmp_path):
    link = tmp_path / "scry"
    link.symlink_to(COMMAND)
    ended = started("--help", command=link, folder=tmp_path)
    assert (ended.returncode, "bin/scry" in ended.stdout, ended.stderr) == (0, True, "")


def test_a_module_in_the_folder_where_it_is_started_is_not_run(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('run')")
    assert started("--help", folder=tmp_path).returncode == 0


def test_without_configuration_it_says_what_to_do_and_shows_no_traceback(tmp_path):
    ended = started("count", folder=tmp_path)
    assert (ended.returncode, ended.stdout, "make run" in ended.stderr) == (2, "", True)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["send"],
        ["search", "--limit", "0"],
        ["send", "--timezone", "Mars/Base", "x"],
        ["send", "--format", "xml", "x"],
    ],
)
def test_wrong_options_end_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code, capsys.readouterr().out) == (2, "")


def test_every_command_and_option_is_in_the_documentation(capsys):
    page = (ROOT / "docs/scry.md").read_text()
    for command in ("send", "search", "tail", "count", "timeline", "deploy"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        words = capsys.readouterr().out.replace(",", " ").replace("[", " ").replace("]", " ").split()
        options = {word for word in words if word.startswith("--") and len(word) > 2} - {"--help"}
        assert {option for option in options if f"{option}" not in page} == set()
        assert f"scry {command}" in page or f"`{command}`" in page


def test_a_reader_that_has_seen_enough_is_no_error(scry, here, server):
    many = [{"message": "x" * 5_000}] * 1_000
    server.otherwise = lambda sent: Reply(200, {"data": many, "next_cursor": "c", "partial": False})
    pipeline = f"{COMMAND} search --limit 5000 | head -1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", pipeline], cwd=here, capture_output=True, text=True, timeout=60, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("SCRY_")},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (128 + 13, "", 1)
