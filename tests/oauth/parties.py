"""Clients as these tests need them: what they say of themselves, the keys that they sign with, where their documents
are."""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from jwt.warnings import InsecureKeyLengthWarning

from chalicelib import settings
from chalicelib.outside import fetch
from tests.outside.tls_server import HOST, Server, Speak, saying, serving

NOW = 1_790_000_000
REDIRECT = "https://app.example/callback"
ADDRESS = f"https://{HOST}/oauth/client.json"
KEYS_ADDRESS = f"https://{HOST}/keys.json"


def registration(**more: Any) -> dict[str, Any]:
    """What a client sends to be registered; None takes a member away."""
    whole = {"redirect_uris": [REDIRECT], "client_name": "App", **more}
    return {name: value for name, value in whole.items() if value is not None}


def document(**more: Any) -> dict[str, Any]:
    """What stands at a client's own address."""
    return registration(**{"client_id": ADDRESS, **more})


def published(content: Any, *headers: str, status: str = "200 OK") -> Speak:
    return saying(json.dumps(content).encode(), *headers, status=status)


@contextmanager
def reached(monkeypatch: pytest.MonkeyPatch, speak: Speak) -> Iterator[Server]:
    """The client's host answers so, and the product finds the way there."""
    with serving(speak) as server:
        monkeypatch.setitem(fetch.TRUSTED, HOST, server.way())
        yield server


@cache
def private_key(algorithm: str, name: str = "one") -> Any:
    """A key of the client's, the same one for a name."""
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "RS1024":
            return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # what is refused
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(algorithm: str = "ES256", name: str = "one", **more: Any) -> dict[str, Any]:
    known = "RS256" if algorithm == "RS1024" else algorithm
    key = private_key(algorithm, name).public_key()
    return get_default_algorithms()[known].to_jwk(key, as_dict=True) | {"kid": f"{algorithm}-{name}"} | more


def assertion(
    client_id: str,
    *,
    algorithm: str = "ES256",
    name: str = "one",
    now: int = NOW,
    headers: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A signed assertion; None takes a claim away."""
    whole = {
        "iss": client_id, "sub": client_id, "aud": settings.current().url, "exp": now + 60, "iat": now, "jti": "1",
        **claims,
    }  # fmt: skip
    told = {"kid": f"{algorithm}-{name}", **(headers or {})}
    signed_with = "RS256" if algorithm == "RS1024" else algorithm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # of the key that is to be refused
        return jwt.encode(
            {claim: value for claim, value in whole.items() if value is not None},
            private_key(algorithm, name),
            algorithm=signed_with,
            headers={header: value for header, value in told.items() if value is not None},
        )
