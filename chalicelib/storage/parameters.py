"""Secrets of the deployment, from the SSM parameter that holds them, once when a function starts.

They stand neither in the function's configuration nor in a template: only its role may read them, and each reading is
in the account's trail. A function that signs nothing has no part in them.
"""

import secrets
import time
from collections.abc import MutableMapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from os import environ
from typing import Final
from urllib.parse import urlsplit

import msgspec

from chalicelib.storage.signature import SSM, credentials, signed_headers

SECRETS: Final = "SCRY_SECRETS"
PARAMETER: Final = "SCRY_SECRETS_PARAMETER"
NONE: Final = "none"
"""As the parameter's name: this function signs nothing."""

ATTEMPTS: Final = 3
SECONDS: Final = 2.0


class SecretsUnavailable(Exception):
    """The parameter could not be read. The function does not start without."""


class Parameter(msgspec.Struct, frozen=True, rename="pascal"):
    value: str

    def __repr__(self) -> str:
        return "Parameter()"


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    parameter: Parameter


def enter(environment: MutableMapping[str, str] = environ) -> None:
    """In a function on AWS, puts the secrets where the settings are read from, if they are not there.

    Raises `SecretsUnavailable`. Elsewhere (Chalice imports the app to package it) nothing is read.
    """
    name = environment.get(PARAMETER, "")
    if not name or SECRETS in environment or "AWS_LAMBDA_FUNCTION_NAME" not in environment:
        return
    # Nobody has this one, so that nothing signed with it is worth anything.
    environment[SECRETS] = secrets.token_hex(32) if name == NONE else _value(name, environment)


def _value(name: str, environment: MutableMapping[str, str]) -> str:
    region = environment.get("SCRY_REGION") or environment.get("AWS_REGION") or "us-east-1"
    # What AWS's own clients obey, so that a function on an emulator finds its parameters there.
    endpoint = environment.get("AWS_ENDPOINT_URL_SSM") or environment.get("AWS_ENDPOINT_URL")
    body = msgspec.json.encode({"Name": name, "WithDecryption": True})
    why = ""
    for _ in range(ATTEMPTS):
        try:
            status, answer = _asked(endpoint or f"https://ssm.{region}.amazonaws.com", region, body)
        except (OSError, HTTPException) as lost:
            why = type(lost).__name__
            continue
        if status == 200:
            return msgspec.json.decode(answer, type=Answer).parameter.value
        why = f"{status} {_code(answer)}"
    raise SecretsUnavailable(f"the parameter {name} could not be read: {why}")


def _asked(endpoint: str, region: str, body: bytes) -> tuple[int, bytes]:
    who, host = credentials(), urlsplit(endpoint).netloc
    headers = signed_headers("GetParameter", body, host=host, region=region, who=who, at=time.time(), service=SSM)
    kind = HTTPSConnection if endpoint.startswith("https:") else HTTPConnection
    connection = kind(host, timeout=SECONDS)
    try:
        connection.request("POST", "/", body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _code(answer: bytes) -> str:
    """The kind of a refusal: its text may name the role."""
    try:
        said = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return ""
    return str(said.get("__type", "")) if isinstance(said, dict) else ""
