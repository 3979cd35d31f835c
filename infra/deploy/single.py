"""Everything as one file, for those who deploy with something else: what `chalice package` writes, with the rest in it.

    CloudFormation   a template to merge: tables, logs, alarms, the gateway's answers and throttles, names of functions
    Terraform        a second file beside Chalice's: the stacks as they are, and the gateway's answers and throttles

The secret is in neither: no template may hold it. `python -m infra.deploy secret STAGE` makes it.
"""

from typing import Any, Final

from infra.deploy import gateway, stacks, tables, watch
from infra.deploy.stage import API, Function, Stage

Template = dict[str, Any]

HANDLER: Final = "APIHandler"
"""Chalice's logical name of the function that answers requests."""


def to_merge(stage: Stage) -> Template:
    """For `chalice package --merge-template`."""
    functions = {_logical(each): {"Properties": {"FunctionName": each.full_name}} for each in stage.functions}
    rest_api = {
        "Properties": {
            "Name": stage.app,
            "DefinitionBody": gateway.swagger(),
            "MethodSettings": [{"HttpMethod": "*", "ResourcePath": "/*", **_settings(stage)}],
            "Tags": {tag["Key"]: tag["Value"] for tag in stage.tags},
        }
    }
    return {
        "Description": f"Scrywatch, {stage.name}",
        "Resources": {**tables.resources(stage), **watch.resources(stage), **functions, "RestAPI": rest_api},
    }


def for_terraform(stage: Stage) -> Template:
    """As `stacks.tf.json`, beside Chalice's `chalice.tf.json`."""
    data, watching = stacks.data_stack(stage), stacks.watch_stack(stage)
    api = "${aws_api_gateway_rest_api.rest_api.id}"
    return {
        "resource": {
            "aws_cloudformation_stack": {
                "data": {"name": data, "template_body": _as_text(stacks.data(stage))},
                "watch": {"name": watching, "template_body": _as_text(stacks.watching(stage))},
            },
            "aws_api_gateway_gateway_response": {
                kind.lower(): {
                    "rest_api_id": api,
                    "response_type": kind,
                    "response_parameters": gateway.response_parameters(),
                }
                for kind in gateway.RESPONSES
            },
            "aws_api_gateway_method_settings": {
                "all": {
                    "rest_api_id": api,
                    "stage_name": stage.gateway_stage,
                    "method_path": gateway.EVERYTHING,
                    "settings": _in_snake_case(gateway.method_settings(stage)),
                    "depends_on": ["aws_api_gateway_deployment.rest_api"],
                }
            },
        }
    }


def _settings(stage: Stage) -> Template:
    """As CloudFormation spells them."""
    return {name[0].upper() + name[1:]: value for name, value in gateway.method_settings(stage).items()}


def _in_snake_case(settings: Template) -> Template:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in settings.items()}


def _as_text(template: Template) -> str:
    import json

    # Terraform would take `${…}` for its own; there is none in these.
    return json.dumps(template, separators=(",", ":"))


def _logical(function: Function) -> str:
    return HANDLER if function.name == API else "".join(part.capitalize() for part in function.name.split("_"))
