"""Signatures are those that botocore makes of the same request."""

import sys
from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage import signature
from chalicelib.storage.signature import Credentials, credentials, signed_headers

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)


def _of_botocore(
    monkeypatch: pytest.MonkeyPatch, sent: dict[str, str], body: bytes, who: Credentials, region: str, at: int
) -> str:
    """The `Authorization` that botocore puts on a request with these headers, at this time."""
    moment = datetime.fromtimestamp(at, UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_: moment.replace(tzinfo=None))
    headers = {name: value for name, value in sent.items() if name in ("content-type", "x-amz-target")}
    request = AWSRequest("POST", f"https://{sent['host']}/", headers=headers, data=body)
    keys = BotoCredentials(who.access_key, who.secret_key, who.session_token)
    auth.SigV4Auth(keys, "dynamodb", region).add_auth(request)
    return request.headers["Authorization"]


@pytest.mark.requirement("V13.2.1")
@given(
    who=st.builds(Credentials, WORDS, WORDS, st.none() | WORDS),
    body=st.binary(max_size=200),
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    host=st.sampled_from(["dynamodb.us-east-1.amazonaws.com", "127.0.0.1:8000"]),
    at=st.integers(min_value=0, max_value=4_000_000_000),
    operation=st.sampled_from(["PutItem", "BatchWriteItem"]),
)
def test_a_request_is_signed_as_botocore_signs_it(who, body, region, host, at, operation):
    headers = signed_headers(operation, body, host=host, region=region, who=who, at=float(at))
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert headers["authorization"] == _of_botocore(monkeypatch, headers, body, who, region, at)
    assert headers.get("x-amz-security-token") == who.session_token


@pytest.mark.requirement("V13.2.1")
def test_credentials_are_those_of_the_environment_as_it_is_now(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    assert credentials() == Credentials("one", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "two")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert credentials() == Credentials("two", "secret", "token")


@pytest.fixture
def profile(monkeypatch, tmp_path):
    """No keys in the environment, and a profile for boto3 to find."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    signature._from_boto.cache_clear()
    yield file
    signature._from_boto.cache_clear()


def test_elsewhere_they_are_what_boto_finds_and_it_looks_once(profile):
    profile.write_text("[default]\naws_access_key_id = of-a-profile\naws_secret_access_key = secret\n")
    assert credentials() == Credentials("of-a-profile", "secret")
    profile.unlink()
    assert credentials() == Credentials("of-a-profile", "secret")


def test_without_any_it_is_said_how_to_give_them(profile):
    with pytest.raises(LookupError, match="AWS_ACCESS_KEY_ID"):
        credentials()


def test_signing_needs_no_aws_client():
    assert "boto3" not in vars(sys.modules["chalicelib.storage.signature"])
