"""What each function may, for one deployment: the hand-written policy of `.chalice`, narrowed.

The files are written for the stage `dev` in any account and region, so that a plain `chalice deploy` takes them too.
What is deployed names its stage, and the account and region alone where they are known.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from infra.deploy.stage import Stage

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / ".chalice"

MAIL: Final = "Mail"
"""The statement that allows to send mail. It is left out where the deployment sends none."""

Policy = dict[str, Any]


class Place(Struct, frozen=True):
    """Where a deployment is, in the words of whoever reads the policy: plain, or as a template's own references."""

    partition: str
    region: str
    account: str

    def of(self, arn: str) -> str:
        """An ARN of the files, there."""
        service, name = arn.removeprefix("arn:aws:").split(":*:*:")
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{name}"


CLOUDFORMATION: Final = Place("${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}")
TERRAFORM: Final = Place(
    "${data.aws_partition.chalice.partition}",
    "${data.aws_region.chalice.name}",
    "${data.aws_caller_identity.chalice.account_id}",
)


def policies(stage: Stage, place: Place) -> dict[str, Policy]:
    """By file name, what stands in the policy of each function."""
    written = {function.name: stage.config["lambda_functions"][function.name] for function in stage.functions}
    names = [said["iam_policy_file"] for said in written.values()]
    return {name: narrowed(json.loads((FOLDER / name).read_text()), stage, place) for name in names}


def narrowed(policy: Policy, stage: Stage, place: Place) -> Policy:
    """The same, for this stage and place."""
    kept = [statement for statement in policy["Statement"] if statement["Sid"] != MAIL or _sends_mail(stage)]
    return {**policy, "Statement": [_narrowed(statement, stage, place) for statement in kept]}


def _narrowed(statement: Mapping[str, Any], stage: Stage, place: Place) -> Policy:
    if statement["Sid"] == MAIL:
        sender = stage.variables.get("SCRY_MAIL_FROM", "")
        own = {"Condition": {"StringEquals": {"ses:FromAddress": sender}}}
        arns = [arn for each in statement["Resource"] for arn in _of_sender(each, sender)]
        return {**statement, **own, "Resource": [_there(arn, place) for arn in arns]}
    return {**statement, "Resource": [_there(_of_stage(arn, stage), place) for arn in statement["Resource"]]}


def _of_stage(arn: str, stage: Stage) -> str:
    return arn.replace(f"{stage.app}-dev", stage.prefix).replace(f"/{stage.app}/dev/", f"/{stage.app}/{stage.name}/")


def _of_sender(arn: str, sender: str) -> list[str]:
    """SES may know the address by itself, or its domain."""
    return [arn.replace("identity/example.com", f"identity/{name}") for name in (sender, sender.partition("@")[2])]


def _there(arn: str, place: Place) -> Any:
    there = place.of(arn)
    return {"Fn::Sub": there} if place is CLOUDFORMATION else there


def _sends_mail(stage: Stage) -> bool:
    return stage.variables.get("SCRY_MAIL") == "ses"
