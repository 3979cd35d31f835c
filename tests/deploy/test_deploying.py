"""A stage is deployed, deployed again and taken down, against moto's server: in order, and nothing twice."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.storage.tables import keys
from infra.deploy import gateway
from infra.deploy.account import Account
from infra.deploy.policies import FOLDER
from infra.deploy.stage import API, stage
from infra.deploy.tables import deployed
from infra.engine_binary import ROOT
from tests.deploy.aws import NOBODYS, Aws, described, moto

ACCOUNT = "123456789012"


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with moto(tmp_path) as server:
        for name, value in (NOBODYS | {"AWS_ENDPOINT_URL": server.endpoint}).items():
            monkeypatch.setenv(name, value)
        server.describe(described())
        yield server


@pytest.mark.requirement("S33", "S35", "S36")
def test_a_stage_is_deployed_again_without_change_and_taken_down_when_asked_twice(aws: Aws) -> None:
    assert "secret: made\ntables: made\nlogs and alarms: made\n" in aws.run("deploy")
    chosen = stage("dev", aws.config)
    _tables_are_safe(aws)
    _functions_are_as_configured(aws)
    _the_gateway_has_our_answers(aws)
    secret = _secret(aws)
    before = _state(aws)

    again = aws.run("deploy")  # Chalice overwrites the API, gateway responses included: they are back afterwards
    assert "secret: as it was\ntables: as it was\nlogs and alarms: as it was\n" in again
    assert "gateway: DEFAULT_4XX, DEFAULT_5XX" in again
    assert _state(aws) == before
    assert _secret(aws) == secret
    assert secret not in again
    assert Account().secret_changed(chosen) == dt.datetime.now(dt.UTC).date()
    assert "The secret is" not in again
    assert gateway.apply(aws.client("apigateway"), aws.api, chosen) == []

    assert "Nothing was done." in aws.run("destroy", typed="prod\n")
    assert _state(aws) == before
    assert "The data stays." in aws.run("destroy", typed="dev\nyes\n")
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert aws.client("apigateway").get_rest_apis()["items"] == []
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert len(aws.client("dynamodb").list_tables()["TableNames"]) == len(list(deployed()))
    assert _secret(aws) == secret
    assert "The data is gone." in aws.run("destroy", typed="dev\ndelete the data of dev\n")
    assert aws.client("dynamodb").list_tables()["TableNames"] == []
    with pytest.raises(ClientError, match="ParameterNotFound"):
        _secret(aws)


def test_where_nothing_can_be_reserved_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New accounts run ten functions at once, and Lambda refuses the whole function for a reservation."""
    with moto(tmp_path, concurrent=10) as server:
        for name, value in (NOBODYS | {"AWS_ENDPOINT_URL": server.endpoint}).items():
            monkeypatch.setenv(name, value)
        assert not Account().room_for(1)
    with moto(tmp_path, concurrent=1000) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        assert Account().room_for(201)
        assert not Account().room_for(901)


def test_nobody_at_the_terminal_is_a_no(aws: Aws) -> None:
    assert "Nothing was done." in aws.run("destroy", typed="")


def _tables_are_safe(aws: Aws) -> None:
    client = aws.client("dynamodb")
    found = {name: client.describe_table(TableName=name)["Table"] for name in client.list_tables()["TableNames"]}
    assert set(found) == {f"scrywatch-dev-{model.table}" for model in deployed()}
    for table in found.values():
        assert table["DeletionProtectionEnabled"] is True
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        client.delete_table(TableName=f"scrywatch-dev-{keys.USERS}")


def _functions_are_as_configured(aws: Aws) -> None:
    client, config = aws.client("lambda"), json.loads(aws.config.read_text())
    for function in stage("dev", aws.config).functions:
        wanted = config["lambda_functions"][function.name]
        found = client.get_function(FunctionName=function.full_name)
        made = found["Configuration"]
        assert (made["MemorySize"], made["Timeout"]) == (wanted["lambda_memory_size"], wanted["lambda_timeout"])
        assert made["Architectures"] == ["arm64"]
        assert found["Concurrency"]["ReservedConcurrentExecutions"] == wanted["reserved_concurrency"]
        variables = made["Environment"]["Variables"]
        assert variables["SCRY_STAGE"] == "dev"
        assert variables["SCRY_SECRETS_PARAMETER"] == ("/scrywatch/dev/secrets" if function.name == API else "none")
        assert "SCRY_SECRETS" not in variables
        assert aws.client("logs").describe_log_groups(logGroupNamePrefix=function.log_group)["logGroups"][0][
            "retentionInDays"
        ]
        _role_is_its_own(aws, made["Role"], wanted["iam_policy_file"])


def _role_is_its_own(aws: Aws, role: str, file: str) -> None:
    client, name = aws.client("iam"), role.rpartition("/")[2]
    [policy] = client.list_role_policies(RoleName=name)["PolicyNames"]
    found = client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    written = json.loads((FOLDER / file).read_text())["Statement"]
    kept = [each for each in written if each["Sid"] != "Mail"]
    assert [each["Action"] for each in found["Statement"]] == [each["Action"] for each in kept]
    assert all(f":us-east-1:{ACCOUNT}:" in arn for each in found["Statement"] for arn in each["Resource"])


def _the_gateway_has_our_answers(aws: Aws) -> None:
    client = aws.client("apigateway")
    found = {each["responseType"]: each for each in client.get_gateway_responses(restApiId=aws.api)["items"]}
    for kind in gateway.RESPONSES:
        assert found[kind]["responseParameters"] == gateway.response_parameters()
    settings = client.get_stage(restApiId=aws.api, stageName="dev")["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (500.0, 1000)
    assert settings["dataTraceEnabled"] is False


def _secret(aws: Aws) -> str:
    found = aws.client("ssm").get_parameter(Name="/scrywatch/dev/secrets", WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    assert len(bytes.fromhex(found["Value"])) == 32
    return str(found["Value"])


def _state(aws: Aws) -> dict[str, Any]:
    """What a second deployment must not change."""
    functions = aws.client("lambda").list_functions()["Functions"]
    return {
        "apis": [each["id"] for each in aws.client("apigateway").get_rest_apis()["items"]],
        "functions": {each["FunctionName"]: (each["CodeSha256"], each["Role"], each["Timeout"]) for each in functions},
        "rules": [each["Name"] for each in aws.client("events").list_rules()["Rules"]],
        "alarms": sorted(each["AlarmName"] for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "roles": sorted(each["RoleName"] for each in aws.client("iam").list_roles()["Roles"]),
    }


def test_what_cannot_be_deployed_is_said_in_one_line() -> None:

    done = subprocess.run(
        [sys.executable, "-m", "infra.deploy", "deploy", "No Such"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "scrywatch: STAGE must be 1 to 20 small letters, digits and dashes, not 'No Such'\n"
