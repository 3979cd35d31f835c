"""AWS Signature Version 4 for requests to DynamoDB and SSM, and whose name they are signed in.

Source: AWS General Reference, "Signature Version 4 signing process". A test compares it with botocore's.
"""

import hashlib
import hmac
import time
from functools import cache, lru_cache
from os import environ
from typing import Any

import msgspec


class Service(msgspec.Struct, frozen=True):
    """A service that takes JSON: its name in signatures, what its operations are called by, and its media type."""

    name: str
    version: str
    content_type: str


DYNAMODB = Service("dynamodb", "DynamoDB_20120810", "application/x-amz-json-1.0")
SSM = Service("ssm", "AmazonSSM", "application/x-amz-json-1.1")


class Credentials(msgspec.Struct, frozen=True):
    access_key: str
    secret_key: str
    session_token: str | None = None


def credentials() -> Credentials:
    """Those of the function's role, which Lambda puts into the environment; elsewhere whatever boto3 finds."""
    if "AWS_ACCESS_KEY_ID" in environ and "AWS_SECRET_ACCESS_KEY" in environ:
        return Credentials(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN")
        )
    frozen = _from_boto().get_frozen_credentials()
    return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)


@cache
def _from_boto() -> Any:
    """Botocore's own object, which renews what is about to expire."""
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        message = "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure a profile"
        raise LookupError(message)
    return found


def signed_headers(
    operation: str, body: bytes, *, host: str, region: str, who: Credentials, at: float, service: Service = DYNAMODB
) -> dict[str, str]:
    """The headers of one request, `Authorization` included. `at` is in seconds since the epoch."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    headers = {
        "content-type": service.content_type,
        "host": host,
        "x-amz-date": moment,
        "x-amz-target": f"{service.version}.{operation}",
    }
    if who.session_token:
        headers["x-amz-security-token"] = who.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/{service.name}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(who.secret_key, moment[:8], region, service.name)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={who.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


@lru_cache(maxsize=4)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
