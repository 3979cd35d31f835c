"""docs/deploy.md and docs/logs.md tell what there is."""

import re
from pathlib import Path

from infra.deploy import stacks
from infra.deploy.__main__ import _parser
from infra.deploy.stage import Choices, stage
from infra.deploy.tables import RECOVERY_DAYS
from infra.engine_binary import ROOT

DEPLOY = (ROOT / "docs" / "deploy.md").read_text()
LOGS = (ROOT / "docs" / "logs.md").read_text()


def test_every_choice_of_an_operator_is_documented_with_its_default() -> None:
    for name in Choices.__struct_fields__:
        assert f"`{name}`" in DEPLOY
    assert "| 90 |" in DEPLOY
    assert "| 500, 1000 |" in DEPLOY
    usual = Choices()
    assert (usual.log_days, usual.requests_per_second, usual.burst) == (90, 500, 1000)
    assert f"the last {RECOVERY_DAYS} days" in DEPLOY


def test_every_command_that_is_shown_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {found for found in re.findall(r"\bmake ([a-z]+)", DEPLOY) if found != "roles"} <= targets
    for command in re.findall(r"python -m infra\.deploy ([a-z]+) prod", DEPLOY):
        assert _parser().parse_args([command, "prod"]).stage == "prod"


def test_every_alarm_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| (…?[A-Z]\w+) \| ", LOGS, re.MULTILINE))
    resources = stacks.watching(stage("dev"))["Resources"].values()
    names = {
        each["Properties"]["AlarmName"].removeprefix("scrywatch-dev ")
        for each in resources
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    of_functions = re.compile("(?:ApiHandler|Compact|Purge)(Errors|Throttles|NotRun)")
    assert {of_functions.sub(r"…\1", name) for name in names} == documented


def test_the_pages_lead_to_each_other() -> None:
    for page in (DEPLOY, LOGS):
        for linked in re.findall(r"\]\((\w+\.md)", page):
            assert (Path(ROOT) / "docs" / linked).exists(), linked
