"""What API Gateway says by itself, and how much it lets through.

`chalice deploy` writes the whole REST API anew: what it does not know of is gone afterwards. So this is applied after
each, and nothing is changed where everything is as it should be. A bare `chalice deploy` leaves a gateway whose own
answers (no such path, too large, too many) lack our headers.
"""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.web.headers import SECURITY_HEADERS
from infra.deploy.stage import Stage

RESPONSES: Final = ("DEFAULT_4XX", "DEFAULT_5XX")
"""Every answer of its own is one of these, unless it is configured by name."""

EVERYTHING: Final = "*/*"
"""All methods of all resources, as settings of a stage name them."""


def response_parameters() -> dict[str, str]:
    """Our headers, as API Gateway wants constants: in single quotes."""
    return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in SECURITY_HEADERS.items()}


def swagger() -> dict[str, Any]:
    """The same as part of the API's own description."""
    answer = {"responseParameters": response_parameters()}
    return {"x-amazon-apigateway-gateway-responses": dict.fromkeys(RESPONSES, answer)}


def method_settings(stage: Stage) -> dict[str, Any]:
    """How much is let through, and that nothing of it is written down: query strings hold codes and searches."""
    return {
        "throttlingRateLimit": float(stage.choices.requests_per_second),
        "throttlingBurstLimit": stage.choices.burst,
        "loggingLevel": "OFF",
        "dataTraceEnabled": False,
    }


def apply(client: Any, api: str, stage: Stage) -> list[str]:
    """Brings the deployed API to where it should be. Says what was changed: nothing, if it was there."""
    changed = [kind for kind in RESPONSES if _respond(client, api, kind)]
    if changed:
        client.create_deployment(restApiId=api, stageName=stage.gateway_stage, description="answers of the gateway")
    if _settle(client, api, stage):
        changed.append("throttles")
    return changed


def _respond(client: Any, api: str, kind: str) -> bool:
    wanted = response_parameters()
    if _responses(client, api).get(kind, {}).get("responseParameters") == wanted:
        return False
    client.put_gateway_response(restApiId=api, responseType=kind, responseParameters=wanted)
    return True


def _responses(client: Any, api: str) -> Mapping[str, Any]:
    return {each["responseType"]: each for each in client.get_gateway_responses(restApiId=api)["items"]}


_PATHS: Final = {
    "throttlingRateLimit": "throttling/rateLimit",
    "throttlingBurstLimit": "throttling/burstLimit",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
}


def _settle(client: Any, api: str, stage: Stage) -> bool:
    wanted = method_settings(stage)
    found = client.get_stage(restApiId=api, stageName=stage.gateway_stage).get("methodSettings", {}).get(EVERYTHING, {})
    wrong = {name: value for name, value in wanted.items() if found.get(name) != value}
    if not wrong:
        return False
    client.update_stage(
        restApiId=api,
        stageName=stage.gateway_stage,
        patchOperations=[
            {"op": "replace", "path": f"/{EVERYTHING}/{_PATHS[name]}", "value": _text(value)}
            for name, value in wrong.items()
        ],
    )
    return True


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
