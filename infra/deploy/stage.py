"""A stage: what one deployment is called and how it differs from another, read from `.chalice/config.json`.

What Chalice knows stands there under its own names. What it does not know stands under `scrywatch`, which it skips.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, convert

from infra.engine_binary import ROOT
from infra.scheduler import schedules

CONFIG: Final = ROOT / ".chalice" / "config.json"
API: Final = "api_handler"
"""Chalice's name of the function that answers requests."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?")


class StageWrong(Exception):
    """The stage cannot be deployed as it is described. The message says what to mend."""


class Choices(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an operator decides that Chalice has no word for."""

    alarm_email: str = ""
    """Who is told of alarms. Nobody, if left out: the alarms are there all the same."""
    log_days: int = 90
    requests_per_second: int = 500
    burst: int = 1000
    """What API Gateway lets through to all routes together. The product's own limits are far below, for each client."""


class Function(Struct, frozen=True):
    """A function of the deployment."""

    name: str
    full_name: str
    every_seconds: float
    """How often it is called; 0 for the one that answers requests."""

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.full_name}"


class Stage(Struct, frozen=True):
    """One deployment."""

    name: str
    config: Mapping[str, Any]
    """Of Chalice, with this stage alone in it."""
    choices: Choices
    functions: tuple[Function, ...]
    remembered: Path
    """The folder where Chalice remembers what it deployed."""

    @property
    def app(self) -> str:
        return str(self.config["app_name"])

    @property
    def prefix(self) -> str:
        """What everything of this stage is named by."""
        return f"{self.app}-{self.name}"

    @property
    def gateway_stage(self) -> str:
        return str(self._own["api_gateway_stage"])

    @property
    def secrets_parameter(self) -> str:
        return f"/{self.app}/{self.name}/secrets"

    @property
    def variables(self) -> Mapping[str, str]:
        """The settings that all functions have."""
        found: Mapping[str, str] = self._own["environment_variables"]
        return found

    @property
    def domain(self) -> str:
        """The custom domain, if there is one."""
        return str(self._own.get("api_gateway_custom_domain", {}).get("domain_name", ""))

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": "app", "Value": self.app}, {"Key": "stage", "Value": self.name}]

    @property
    def _own(self) -> Mapping[str, Any]:
        own: Mapping[str, Any] = self.config["stages"][self.name]
        return own


def stage(name: str, path: Path = CONFIG) -> Stage:
    """The stage as the file describes it; one that it does not name is as `dev`. Raises `StageWrong`."""
    if not _NAME.fullmatch(name):
        raise StageWrong(f"STAGE must be 1 to 20 small letters, digits and dashes, not {name!r}")
    whole = json.loads(path.read_text())
    described = dict(whole["stages"].get(name, {}))
    choices = _choices(described.pop("scrywatch", {}), name)
    functions = _functions(whole, name)
    described["api_gateway_stage"] = described.get("api_gateway_stage", name)
    described["environment_variables"] = _variables(described, name)
    described["lambda_functions"] = {each.name: _of_function(described, each, whole, name) for each in functions}
    _check_domain(described)
    return Stage(name, {**whole, "stages": {name: described}}, choices, functions, path.resolve().parent / "deployed")


def _choices(given: Mapping[str, Any], name: str) -> Choices:
    try:
        return convert(given, Choices)
    except ValueError as error:
        raise StageWrong(f"stages.{name}.scrywatch in {CONFIG.name}: {error}") from error


def _functions(whole: Mapping[str, Any], name: str) -> tuple[Function, ...]:
    from app import app

    prefix = f"{whole['app_name']}-{name}"
    scheduled = [Function(each.name, f"{prefix}-{each.name}", each.seconds) for each in schedules(app)]
    functions = (Function(API, prefix, 0), *scheduled)
    missing = [each.name for each in functions if each.name not in whole["lambda_functions"]]
    if missing:
        raise StageWrong(f"lambda_functions in {CONFIG.name} says nothing of {', '.join(missing)}")
    return functions


def _variables(described: Mapping[str, Any], name: str) -> dict[str, str]:
    given = dict(described.get("environment_variables", {}))
    domain = described.get("api_gateway_custom_domain", {}).get("domain_name")
    if domain:
        given.setdefault("SCRY_URL", f"https://{domain}")
    if given.get("SCRY_MAIL") == "outbox":
        raise StageWrong("SCRY_MAIL=outbox shows every letter to everybody: it is for a laptop. Take ses or none")
    for setting in ("SCRY_URL", "SCRY_DYNAMODB_ENDPOINT"):
        if not _is_encrypted(given.get(setting, "https:")):
            raise StageWrong(f"{setting} must begin with https: nothing of a deployment travels unencrypted")
    if "SCRY_SECRETS" in given:
        raise StageWrong("SCRY_SECRETS stands in a parameter of SSM, never in a file: `make deploy` makes it")
    return {**given, "SCRY_STAGE": name}


def _is_encrypted(url: str) -> bool:
    """Emulators on this machine have no certificate, and nobody between."""
    return url.startswith("https:") or urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _of_function(described: Mapping[str, Any], function: Function, whole: Mapping[str, Any], name: str) -> Any:
    """What is said of one function. Only the one that answers requests signs anything."""
    given = dict(described.get("lambda_functions", {}).get(function.name, {}))
    secrets = f"/{whole['app_name']}/{name}/secrets" if function.name == API else "none"
    own = {**given.get("environment_variables", {}), "SCRY_SECRETS_PARAMETER": secrets}
    return {**given, "environment_variables": own}


def _check_domain(described: Mapping[str, Any]) -> None:
    domain = described.get("api_gateway_custom_domain")
    if domain and domain.get("url_prefix", "/") != "/":
        raise StageWrong("api_gateway_custom_domain: leave url_prefix out. Well-known addresses stand at the root")
