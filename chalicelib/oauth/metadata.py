"""What clients read before they ask for anything: RFC 8414 for the authorization server, RFC 9728 for a resource."""

from typing import Any

from chalicelib import settings
from chalicelib.oauth import resources, scopes
from chalicelib.oauth.client_assertions import ALGORITHMS
from chalicelib.oauth.client_metadata import AUTH_METHODS, GRANT_TYPES
from chalicelib.oauth.resources import Resource


def authorization_server() -> dict[str, Any]:
    """Where everything is, and what it takes. The issuer is the deployment's URL, which answers name as `iss`."""
    issuer = settings.current().url
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "registration_endpoint": f"{issuer}/oauth/register",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "scopes_supported": sorted(scopes.SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": settings.current().advertise_iss,
    }
    for endpoint in ("token_endpoint", "revocation_endpoint"):
        document[f"{endpoint}_auth_methods_supported"] = list(AUTH_METHODS)
        document[f"{endpoint}_auth_signing_alg_values_supported"] = list(ALGORITHMS)
    return document


def protected_resource(resource: Resource) -> dict[str, Any]:
    """Whose tokens the resource takes, and how they are shown."""
    return {
        "resource": resources.written(resource),
        "authorization_servers": [settings.current().url],
        "scopes_supported": sorted(scopes.SUPPORTED),
        "bearer_methods_supported": ["header"],
        "resource_name": "Scrywatch",
    }
