"""What stands beside the functions, and everything as one template: complete, safe, and what each tool can read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib import journal
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.creation import create_tables
from chalicelib.storage.tables.models import MODELS
from chalicelib.web.headers import SECURITY_HEADERS
from infra.deploy import edge, gateway, single, stacks, tables, watch
from infra.deploy.policies import CLOUDFORMATION, TERRAFORM
from infra.deploy.project import package, project
from infra.deploy.stage import API, CONFIG, StageWrong, stage

DEV = stage("dev")
ANYWHERE = {"AWS_DEFAULT_REGION": "us-east-1"}

LARGEST_INLINE = 51_200
"""Bytes of a template that CloudFormation takes without a bucket."""

LARGEST_TEMPLATE = 1_000_000


def properties(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {each["Properties"]["TableName"]: each for each in template["Resources"].values() if each["Type"] == kind}


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S37", "V14.2.4", "V14.2.7")
def test_every_table_is_encrypted_protected_expires_and_is_kept_when_its_stack_goes() -> None:
    found = properties(stacks.data(DEV), "AWS::DynamoDB::Table")
    assert set(found) == {f"scrywatch-dev-{model.table}" for model in MODELS} - {"scrywatch-dev-outbox"}
    for model in tables.deployed():
        whole = found[f"scrywatch-dev-{model.table}"]
        said = whole["Properties"]
        assert (whole["DeletionPolicy"], whole["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert said["DeletionProtectionEnabled"] is True
        assert said["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert said["BillingMode"] == "PAY_PER_REQUEST"
        assert said.get("TimeToLiveSpecification", {}).get("AttributeName") == model.ttl
        assert {"Key": "stage", "Value": "dev"} in said["Tags"]


@pytest.mark.requirement("I8")
def test_only_account_tables_can_be_brought_back_since_a_copy_of_events_would_keep_what_was_purged() -> None:
    found = properties(stacks.data(DEV), "AWS::DynamoDB::Table")
    recoverable = {
        name.rpartition("-")[2]
        for name, whole in found.items()
        if whole["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    }
    assert recoverable == {
        keys.AUDIT, keys.CLIENTS, keys.GRANTS, keys.KEYS, keys.RECEIPTS, keys.TENANTS, keys.USERS
    }  # fmt: skip
    assert keys.EVENTS not in recoverable


def test_tables_have_the_keys_that_other_engines_give_them(moto_store: None) -> None:
    from chalicelib.storage import dynamodb

    create_tables()
    for model in tables.deployed():
        made = dynamodb.call("DescribeTable", {"TableName": dynamodb.table(model.table)}).table
        said = properties(stacks.data(DEV), "AWS::DynamoDB::Table")[f"scrywatch-dev-{model.table}"]["Properties"]
        assert said["KeySchema"] == made["KeySchema"]
        assert sorted(said["AttributeDefinitions"], key=str) == sorted(made["AttributeDefinitions"], key=str)


# --- logs and alarms --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("V16.2.3", "V16.4.3")
def test_every_log_ends_and_every_function_has_one() -> None:
    logs = [each for each in stacks.watching(DEV)["Resources"].values() if each["Type"] == "AWS::Logs::LogGroup"]
    assert {each["Properties"]["LogGroupName"] for each in logs} == {each.log_group for each in DEV.functions}
    assert all(each["Properties"]["RetentionInDays"] == DEV.choices.log_days for each in logs)


def alarms() -> dict[str, dict[str, Any]]:
    found = stacks.watching(DEV)["Resources"].values()
    return {
        each["Properties"]["AlarmName"].removeprefix("scrywatch-dev "): each["Properties"]
        for each in found
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.requirement("V16.3.4", "V16.4.3")
def test_every_alarm_says_what_it_means_and_tells_somebody() -> None:
    for alarm in alarms().values():
        assert len(alarm["AlarmDescription"]) > 40
        assert alarm["AlarmActions"] == [{"Ref": watch.TOPIC}]
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching")
        assert 60 <= alarm["Period"] * alarm["EvaluationPeriods"] <= 86_400


def test_an_alarm_watches_a_metric_that_there_is() -> None:
    own = set(journal.METRICS) | {f"{name}-dev" for name in watch.COUNTED_LINES}
    used = {each["MetricName"] for each in alarms().values() if each["Namespace"] == journal.NAMESPACE}
    assert used <= own
    assert used >= {"StoreThrottles", "UpkeepLag", "UpkeepFailed", "IngestMilliseconds", "Faults-dev"}
    for alarm in alarms().values():
        if alarm["Namespace"] == journal.NAMESPACE and alarm["MetricName"] in journal.METRICS:
            assert alarm["Dimensions"] == [{"Name": "Stage", "Value": "dev"}]


def test_every_function_is_watched_for_errors_and_throttles_and_every_schedule_for_not_being_run() -> None:
    watched = {
        (a["MetricName"], a["Dimensions"][0]["Value"]) for a in alarms().values() if a["Namespace"] == "AWS/Lambda"
    }
    for function in DEV.functions:
        wanted = {"Errors", "Throttles"} | ({"Invocations"} if function.every_seconds else set())
        assert {name for name, of in watched if of == function.full_name} == wanted
    not_run = alarms()["CompactNotRun"]
    assert not_run["TreatMissingData"] == "breaching"
    assert not_run["Period"] == 4 * 15 * 60


def test_whoever_is_named_is_told_by_mail(tmp_path: Path) -> None:
    chosen = described(tmp_path, {"scrywatch": {"alarm_email": "ops@acme.example", "log_days": 30}})
    resources = stacks.watching(stage("prod", chosen))["Resources"]
    topic = resources[watch.TOPIC]["Properties"]
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "ops@acme.example"}]
    assert resources["CompactLog"]["Properties"]["RetentionInDays"] == 30


@pytest.mark.parametrize("template", [stacks.data(DEV), stacks.watching(DEV)], ids=["data", "watch"])
def test_a_stack_fits_into_one_call(template: dict[str, Any]) -> None:
    assert len(json.dumps(template, indent=1)) < LARGEST_INLINE


# --- stages -----------------------------------------------------------------------------------------------------------


def described(folder: Path, of_prod: dict[str, Any]) -> Path:
    whole = json.loads(CONFIG.read_text())
    whole["stages"]["prod"] = of_prod
    file = folder / "config.json"
    file.write_text(json.dumps(whole))
    return file


def test_a_stage_that_nobody_described_is_as_dev_under_its_own_name() -> None:
    prod = stage("prod")
    assert (prod.gateway_stage, prod.variables) == ("prod", {"SCRY_STAGE": "prod"})
    assert prod.secrets_parameter == "/scrywatch/prod/secrets"
    assert [each.full_name for each in prod.functions] == [
        "scrywatch-prod", "scrywatch-prod-compact", "scrywatch-prod-purge"
    ]  # fmt: skip
    said = prod.config["stages"]["prod"]["lambda_functions"]
    assert said[API]["environment_variables"] == {"SCRY_SECRETS_PARAMETER": "/scrywatch/prod/secrets"}
    for job in ("compact", "purge"):
        assert said[job]["environment_variables"] == {"SCRY_SECRETS_PARAMETER": "none"}


def test_the_address_of_a_custom_domain_is_what_links_lead_to(tmp_path: Path) -> None:
    domain = {"domain_name": "logs.acme.example", "certificate_arn": "arn:aws:acm:eu-central-1:1:certificate/x"}
    prod = stage("prod", described(tmp_path, {"api_gateway_custom_domain": domain}))
    assert prod.variables["SCRY_URL"] == "https://logs.acme.example"
    assert prod.domain == "logs.acme.example"


@pytest.mark.requirement("V12.3.1", "V13.3.1", "V15.2.3")
@pytest.mark.parametrize(
    ("of_prod", "said"),
    [
        ({"scrywatch": {"alarms": "x"}}, "alarms"),
        ({"environment_variables": {"SCRY_MAIL": "outbox"}}, "laptop"),
        ({"environment_variables": {"SCRY_SECRETS": "ab" * 32}}, "parameter"),
        ({"environment_variables": {"SCRY_URL": "http://logs.acme.example"}}, "unencrypted"),
        ({"environment_variables": {"SCRY_DYNAMODB_ENDPOINT": "http://10.0.0.7:8000"}}, "unencrypted"),
        ({"api_gateway_custom_domain": {"domain_name": "a.example", "url_prefix": "logs"}}, "url_prefix"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_touched(
    tmp_path: Path, of_prod: dict[str, Any], said: str
) -> None:
    with pytest.raises(StageWrong, match=said):
        stage("prod", described(tmp_path, of_prod))


def test_a_job_that_the_configuration_says_nothing_of_is_not_deployed_by_accident(tmp_path: Path) -> None:
    whole = json.loads(CONFIG.read_text())
    del whole["lambda_functions"]["compact"]
    (tmp_path / "config.json").write_text(json.dumps(whole))
    with pytest.raises(StageWrong, match="compact"):
        stage("dev", tmp_path / "config.json")


# --- the gateway ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S35")
def test_the_gateways_own_answers_have_the_headers_of_every_answer() -> None:
    said = gateway.swagger()["x-amazon-apigateway-gateway-responses"]
    assert set(said) == {"DEFAULT_4XX", "DEFAULT_5XX"}
    for kind in said.values():
        headers = {name.removeprefix("gatewayresponse.header."): v for name, v in kind["responseParameters"].items()}
        assert headers == {name: f"'{value}'" for name, value in SECURITY_HEADERS.items()}


# --- as one template --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sam.json`, as `make package` writes it."""
    out = tmp_path_factory.mktemp("package")
    with project(DEV, CLOUDFORMATION) as folder:
        (folder / "merge.json").write_text(json.dumps(single.to_merge(DEV)))
        package(folder, out, DEV, "--merge-template", str(folder / "merge.json"), variables=ANYWHERE)
    return out / "sam.json"


def test_the_template_is_what_cloudformation_takes(merged: Path) -> None:
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "--", str(merged)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert merged.stat().st_size < LARGEST_TEMPLATE


def test_one_template_holds_everything_that_is_deployed(merged: Path) -> None:
    resources = json.loads(merged.read_text())["Resources"]
    assert resources.keys() >= stacks.data(DEV)["Resources"].keys() | stacks.watching(DEV)["Resources"].keys()
    functions = [each for each in resources.values() if each["Type"] == "AWS::Serverless::Function"]
    assert {each["Properties"]["FunctionName"] for each in functions} == {each.full_name for each in DEV.functions}
    api = resources["RestAPI"]["Properties"]
    assert gateway.swagger().items() <= api["DefinitionBody"].items()
    assert len(api["DefinitionBody"]["paths"]) > 100
    assert api["MethodSettings"][0]["ThrottlingRateLimit"] == 500
    roles = [each for each in resources.values() if each["Type"] == "AWS::IAM::Role"]
    assert len(roles) == len(functions)


SERVERLESS = {
    "AWS::ApiGateway::RestApi", "AWS::CloudWatch::Alarm", "AWS::DynamoDB::Table", "AWS::IAM::Role",
    "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::Logs::MetricFilter", "AWS::SNS::Topic",
    "AWS::Serverless::Api", "AWS::Serverless::Function",
}  # fmt: skip
"""What costs nothing while nobody asks, but for what it keeps."""


@pytest.mark.requirement("S33")
def test_nothing_runs_or_is_paid_for_while_nobody_asks(merged: Path) -> None:
    resources = json.loads(merged.read_text())["Resources"].values()
    assert {each["Type"] for each in resources} <= SERVERLESS
    for each in resources:
        said = each.get("Properties", {})
        if each["Type"] == "AWS::DynamoDB::Table":
            assert said["BillingMode"] == "PAY_PER_REQUEST"
        if each["Type"] == "AWS::Serverless::Function":
            assert not said.keys() & {"ProvisionedConcurrencyConfig", "VpcConfig", "FileSystemConfigs"}
            assert said["Timeout"] <= 900
            assert {event["Type"] for event in said.get("Events", {}).values()} <= {"Api", "Schedule"}


def test_the_api_stays_within_the_resources_that_api_gateway_gives_one(merged: Path) -> None:
    """300 unless AWS is asked for more: every part of a path is one."""
    paths = json.loads(merged.read_text())["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    parts = {tuple(path.split("/")[: number + 1]) for path in paths for number in range(path.count("/") + 1)}
    assert len(parts) <= 300


@pytest.mark.requirement("I10", "V13.3.1", "V13.2.1")
def test_no_template_holds_a_secret(merged: Path) -> None:
    for function in json.loads(merged.read_text())["Resources"].values():
        if function["Type"] == "AWS::Serverless::Function":
            variables = function["Properties"]["Environment"]["Variables"]
            assert set(variables) == {"SCRY_STAGE", "SCRY_SECRETS_PARAMETER"}


def test_terraform_gets_the_same(tmp_path: Path) -> None:
    with project(DEV, TERRAFORM) as folder:
        package(folder, tmp_path / "out", DEV, "--pkg-format", "terraform", variables=ANYWHERE)
    chalices = json.loads((tmp_path / "out" / "chalice.tf.json").read_text())
    assert (tmp_path / "out" / "deployment.zip").exists()
    assert set(chalices["resource"]["aws_lambda_function"]) == {each.name for each in DEV.functions}
    policy = json.dumps(chalices["resource"]["aws_iam_role_policy"])
    assert "${data.aws_caller_identity.chalice.account_id}:table/scrywatch-dev-events" in policy
    ours = single.for_terraform(DEV)["resource"]
    assert not ours.keys() & chalices["resource"].keys()
    stacked = ours["aws_cloudformation_stack"]
    assert json.loads(stacked["data"]["template_body"]) == stacks.data(DEV)
    assert json.loads(stacked["watch"]["template_body"]) == stacks.watching(DEV)
    assert "${" not in stacked["data"]["template_body"] + stacked["watch"]["template_body"]
    for reference in ("aws_api_gateway_rest_api.rest_api.id", "aws_api_gateway_deployment.rest_api"):
        kind, name, *_ = reference.split(".")
        assert reference in json.dumps(ours)
        assert name in chalices["resource"][kind]


@pytest.mark.requirement("V12.1.1", "V12.1.2", "V12.2.1", "V12.2.2")
def test_a_custom_domain_has_no_base_path(tmp_path: Path) -> None:
    """Well-known addresses stand at the root (RFC 8615), and so do our own links."""
    domain = {"domain_name": "logs.acme.example", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}
    prod = stage("prod", described(tmp_path, {"api_gateway_custom_domain": domain}))
    with project(prod, CLOUDFORMATION) as folder:
        package(folder, tmp_path / "out", prod, variables=ANYWHERE)
    resources = json.loads((tmp_path / "out" / "sam.json").read_text())["Resources"].values()
    [mapping] = [each["Properties"] for each in resources if each["Type"] == "AWS::ApiGateway::BasePathMapping"]
    assert mapping["BasePath"] == "(none)"
    assert mapping["Stage"] == "prod"
    [name] = [each["Properties"] for each in resources if each["Type"] == "AWS::ApiGateway::DomainName"]
    assert name["SecurityPolicy"] == "TLS_1_2"
    assert name["RegionalCertificateArn"] == domain["certificate_arn"]
    functions = [each for each in resources if each["Type"] == "AWS::Serverless::Function"]
    assert {each["Properties"]["Environment"]["Variables"]["SCRY_URL"] for each in functions} == {
        "https://logs.acme.example"
    }


# --- the distribution -------------------------------------------------------------------------------------------------


def test_the_distribution_is_what_cloudformation_takes(tmp_path: Path) -> None:
    file = tmp_path / "edge.json"
    file.write_text(json.dumps(edge.template(DEV, api="abc123", region="us-east-1")))
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "--", str(file)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_the_distribution_gives_the_challenge_its_name_back() -> None:
    origins = {
        "www-authenticate": None,
        "x-amzn-remapped-www-authenticate": [{"key": "x-amzn-Remapped-WWW-Authenticate", "value": "Bearer realm"}],
        "content-type": [{"key": "Content-Type", "value": "application/json"}],
    }
    headers = {name: value for name, value in origins.items() if value}
    space: dict[str, Any] = {}
    exec(edge.RENAMING, space)  # it is what runs there: a file of its own would be one more thing to keep equal
    answer = space["handler"]({"Records": [{"cf": {"response": {"status": "401", "headers": headers}}}]}, None)
    assert answer["headers"]["www-authenticate"] == [{"key": "WWW-Authenticate", "value": "Bearer realm"}]
    assert "x-amzn-remapped-www-authenticate" not in answer["headers"]
    assert answer["headers"]["content-type"] == headers["content-type"]
