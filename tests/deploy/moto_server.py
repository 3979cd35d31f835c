"""Moto's server as AWS for Chalice: a program that prints its address and serves until it is ended.

Five things are put right that moto knows differently from AWS: descriptions of APIs may be Swagger 2.0 and have no
description, mock integrations have no target, what is imported over an API takes its gateway responses away, and an
account says how many functions it may run at once; and a stack's protection can be taken away.
"""

import json
import os
import sys
import threading
from typing import Any

from moto.apigateway.models import APIGatewayBackend
from moto.awslambda import urls
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.server import ThreadedMotoServer

_import, _put = APIGatewayBackend.import_rest_api, APIGatewayBackend.put_rest_api


def _understood(document: dict[str, Any]) -> dict[str, Any]:
    """The same API in the words that moto reads."""
    whole = {name: value for name, value in document.items() if name != "swagger"}
    whole["info"] = {"description": "", **document["info"]}
    whole["openapi"] = "3.0.0"
    for methods in whole["paths"].values():
        for method in methods.values():
            method["x-amazon-apigateway-integration"].setdefault("uri", "")
            method["x-amazon-apigateway-integration"].setdefault("httpMethod", "POST")
    return whole


def _imported(self: APIGatewayBackend, api_doc: dict[str, Any], *given: Any, **named: Any) -> Any:
    return _import(self, _understood(api_doc), *given, **named)


def _replaced(self: APIGatewayBackend, function_id: str, api_doc: dict[str, Any], *given: Any, **named: Any) -> Any:
    self.apis[function_id].gateway_responses.clear()
    return _put(self, function_id, _understood(api_doc), *given, **named)


def _settings(*_: Any, **__: Any) -> Any:
    return 200, {}, json.dumps({"AccountLimit": {"ConcurrentExecutions": int(os.environ["CONCURRENT"])}})


def _unprotected(self: CloudFormationResponse) -> Any:
    name, stacks = self._get_param("StackName"), self.cloudformation_backend.stacks.values()
    found = next(stack for stack in stacks if stack.name == name)
    found.enable_termination_protection = self._get_param("EnableTerminationProtection") == "true"
    return ActionResult({"StackId": found.stack_id})


def main() -> None:
    APIGatewayBackend.import_rest_api, APIGatewayBackend.put_rest_api = _imported, _replaced  # type: ignore[method-assign]
    CloudFormationResponse.update_termination_protection = _unprotected  # type: ignore[attr-defined]
    urls.url_paths["{0}/2016-08-19/account-settings/?$"] = _settings
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    sys.stdout.write(f"http://127.0.0.1:{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
