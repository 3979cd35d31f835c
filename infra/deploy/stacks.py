"""The two stacks beside the functions. Tables have one of their own, which outlives the rest: data is deleted apart."""

from typing import Any

from infra.deploy import tables, watch
from infra.deploy.stage import Stage

Template = dict[str, Any]


def data_stack(stage: Stage) -> str:
    return f"{stage.prefix}-data"


def watch_stack(stage: Stage) -> str:
    return f"{stage.prefix}-watch"


def data(stage: Stage) -> Template:
    """The tables."""
    return _template(f"Scrywatch, {stage.name}: what is stored", tables.resources(stage))


def watching(stage: Stage) -> Template:
    """Logs and alarms."""
    return _template(f"Scrywatch, {stage.name}: logs and alarms", watch.resources(stage))


def _template(what: str, resources: dict[str, Any]) -> Template:
    return {"AWSTemplateFormatVersion": "2010-09-09", "Description": what, "Resources": resources}
