"""Everything that travels is encrypted and its other end is known; nothing goes round that by redirects."""

import ast
import json
import ssl
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.outside import mail
from chalicelib.storage import dynamodb, parameters
from chalicelib.storage.dynamodb import Reply
from chalicelib.storage.parameters import SecretsUnavailable
from infra.deploy import edge
from infra.deploy.policies import FOLDER
from infra.deploy.stage import stage
from tests.outside.tls_server import saying, serving
from tests.permissions.cast import NOBODY, Tenant, holder, signed_in, undone
from tests.permissions.routes import ROUTES, title
from tests.permissions.test_matrix import asked
from tests.security.test_documentation import SECURITY, rows, section, words

ROOT = Path(__file__).parents[2]


@pytest.mark.requirement("V12.2.1", "V12.3.1", "V4.1.2")
def test_a_distribution_speaks_tls_to_both_sides_and_redirects_nobody() -> None:
    made = edge.template(stage("dev"), api="abc", region="us-east-1")["Resources"]["Distribution"]["Properties"]
    config = made["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    for origin in config["Origins"]:
        assert origin["CustomOriginConfig"] == {
            "OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]
        }  # fmt: skip


@pytest.mark.requirement("V4.1.2")
def test_only_pages_lead_on_and_no_program_is_redirected(acme: Tenant) -> None:
    """API Gateway has no port for HTTP, so nothing is there that could redirect from it."""
    for who in (NOBODY, signed_in("owner", acme.owner), holder("ingest", acme.ingest_key)):
        for route in ROUTES:
            if route.kind in ("api", "mcp", "file") and not route.path.startswith("/oauth/"):
                with undone(route.method):
                    assert asked(who, route, acme).status // 100 != 3, title(route)


@pytest.mark.requirement("V12.3.1")
def test_the_store_is_asked_over_tls_unless_somebody_names_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def answered(endpoint: str, *_: object) -> Reply:
        seen.append(endpoint)
        return Reply(200, b"{}")

    monkeypatch.delenv("SCRY_DYNAMODB_ENDPOINT", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr(dynamodb, "transport", answered)
    settings.current.cache_clear()
    dynamodb.call("GetItem", {"TableName": "t", "Key": {}})
    assert seen == [f"https://dynamodb.{settings.current().region}.amazonaws.com"]


@pytest.mark.requirement("V12.3.1")
def test_letters_leave_over_tls() -> None:
    assert mail._client.__wrapped__().meta.endpoint_url.startswith("https://")


@pytest.mark.requirement("V12.3.2")
def test_a_store_whose_certificate_nobody_vouches_for_is_told_nothing() -> None:
    with serving(saying(b"{}"), host="127.0.0.1") as server, pytest.raises(ssl.SSLCertVerificationError):
        dynamodb._connect(f"https://127.0.0.1:{server.port}")
    assert server.requests == []


@pytest.mark.requirement("V12.3.2")
def test_a_function_takes_its_secret_from_nobody_whose_certificate_does_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    told = json.dumps({"Parameter": {"Value": "5c" * 32}}).encode()
    with serving(saying(told), host="127.0.0.1") as server:
        environment = {
            "AWS_LAMBDA_FUNCTION_NAME": "f", "SCRY_SECRETS_PARAMETER": "/s",
            "AWS_ENDPOINT_URL_SSM": f"https://127.0.0.1:{server.port}",
        }  # fmt: skip
        with pytest.raises(SecretsUnavailable, match="SSLCertVerificationError"):
            parameters.enter(environment)
    assert server.requests == []
    assert "SCRY_SECRETS" not in environment


# --- to whom ----------------------------------------------------------------------------------------------------------

CONNECTING = {"boto3", "botocore", "http.client", "ssl", "socket", "urllib.request"}


def connecting() -> set[str]:
    """The modules of what ships that can open a connection."""
    found = set()
    for file in sorted((ROOT / "chalicelib").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if CONNECTING.intersection(names):
                found.add(file.relative_to(ROOT / "chalicelib").with_suffix("").as_posix())
    return found


@pytest.mark.requirement("V13.1.1", "V13.2.4", "V13.2.5")
def test_every_connection_to_somewhere_is_documented_and_there_is_no_other() -> None:
    documented = rows(section(SECURITY, "Connections"))
    assert {module for _, _, where, _ in documented for module in words(where)} == connecting()
    for whom, *_, how in documented:
        assert len(whom.split()) > 1
        assert len(how.split()) > 5, whom


@pytest.mark.requirement("V13.2.1", "V13.2.4")
def test_a_function_may_speak_to_the_services_that_are_documented_and_to_no_other() -> None:
    allowed = {
        action.partition(":")[0]
        for file in FOLDER.glob("policy-*.json")
        for statement in json.loads(file.read_text())["Statement"]
        for action in statement["Action"]
    }
    assert allowed == {"dynamodb", "ssm", "ses", "logs"}
