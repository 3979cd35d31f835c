"""The calls that change an AWS account, each of them safe to make again.

What is there as it should be is left alone, so that a second `make deploy` changes nothing.
"""

import datetime as dt
import json
import secrets
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from infra.deploy.policies import Place
from infra.deploy.stage import Stage

SECRET_BYTES: Final = 32
KEPT_FREE: Final = 100
"""Concurrent executions that Lambda keeps for functions without a reservation of their own."""

POLLS: Final = {"Delay": 3, "MaxAttempts": 400}


class AccountRefused(Exception):
    """AWS did not do it. The message says what it said."""


class Account:
    """One account and region, as the credentials at hand see it."""

    def __init__(self, region: str | None = None) -> None:
        self._session = boto3.Session(region_name=region)
        if self._session.region_name is None:
            raise AccountRefused("say where: AWS_REGION=eu-central-1 make deploy STAGE=…")
        self.region: str = self._session.region_name

    def client(self, service: str) -> Any:
        return self._session.client(service, region_name=self.region)

    @property
    def place(self) -> Place:
        who = self.client("sts").get_caller_identity()
        return Place(who["Arn"].split(":")[1], self.region, who["Account"])

    # --- secrets ------------------------------------------------------------------------------------------------------

    def make_secret(self, stage: Stage) -> bool:
        """Makes the deployment's secret unless there is one. It is shown to nobody, this program's user included."""
        described = {"Name": stage.secrets_parameter, "Type": "SecureString", "Tier": "Standard", "Tags": stage.tags}
        try:
            self.client("ssm").put_parameter(
                **described, Value=secrets.token_hex(SECRET_BYTES), Description="Signs links, cursors and forms"
            )
        except ClientError as error:
            if _code(error) != "ParameterAlreadyExists":
                raise
            return False
        return True

    def secret_changed(self, stage: Stage) -> dt.date:
        """The day on which the secret was last made or rotated. Its value is not decrypted."""
        found = self.client("ssm").get_parameter(Name=stage.secrets_parameter)["Parameter"]
        changed: dt.datetime = found["LastModifiedDate"]
        return changed.astimezone(dt.UTC).date()

    def forget_secret(self, stage: Stage) -> None:
        try:
            self.client("ssm").delete_parameter(Name=stage.secrets_parameter)
        except ClientError as error:
            if _code(error) != "ParameterNotFound":
                raise

    # --- stacks -------------------------------------------------------------------------------------------------------

    def put_stack(self, name: str, template: dict[str, Any], stage: Stage, *, protected: bool = False) -> bool:
        """Makes the stack as the template says. Says whether that changed anything. Raises `AccountRefused`."""
        client = self.client("cloudformation")
        found = self.stack(name)
        if found is not None and _same(client.get_template(StackName=name)["TemplateBody"], template):
            return False
        body = json.dumps(template, indent=1)
        told = {"StackName": name, "TemplateBody": body, "Tags": stage.tags, "Capabilities": ["CAPABILITY_IAM"]}
        if found is None:
            client.create_stack(**told, EnableTerminationProtection=protected, OnFailure="DELETE")
            self._wait(client, "stack_create_complete", name)
        else:
            client.update_stack(**told)
            self._wait(client, "stack_update_complete", name)
        return True

    def stack(self, name: str) -> dict[str, Any] | None:
        """The stack, if there is one."""
        try:
            found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def output(self, name: str, key: str) -> str:
        """What the stack says when it is done."""
        outputs = (self.stack(name) or {}).get("Outputs", [])
        return str(next(each["OutputValue"] for each in outputs if each["OutputKey"] == key))

    def delete_stack(self, name: str) -> bool:
        """Deletes it, its protection first. Says whether there was one."""
        found = self.stack(name)
        if found is None:
            return False
        client = self.client("cloudformation")
        if found.get("EnableTerminationProtection"):
            client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        client.delete_stack(StackName=name)
        self._wait(client, "stack_delete_complete", name)
        return True

    def _wait(self, client: Any, until: str, name: str) -> None:
        from botocore.exceptions import WaiterError

        try:
            client.get_waiter(until).wait(StackName=name, WaiterConfig=POLLS)
        except WaiterError as failed:
            raise AccountRefused(f"the stack {name}: {_why(client, name) or failed}") from failed

    # --- tables -------------------------------------------------------------------------------------------------------

    def delete_table(self, name: str) -> bool:
        """Deletes it with all that is in it, its protection first. Says whether there was one."""
        client = self.client("dynamodb")
        try:
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=POLLS)
            client.delete_table(TableName=name)
        except ClientError as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            return False
        client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=POLLS)
        return True

    # --- functions ----------------------------------------------------------------------------------------------------

    def room_for(self, reserved: int) -> bool:
        """Whether so many concurrent executions can be reserved. New accounts have ten in all, and none to reserve."""
        limit = self.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
        return bool(limit - reserved >= KEPT_FREE)


def _same(deployed: Any, wanted: dict[str, Any]) -> bool:
    return bool((json.loads(deployed) if isinstance(deployed, str) else deployed) == wanted)


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _why(client: Any, name: str) -> str:
    """What the stack says failed first."""
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [each.get("ResourceStatusReason", "") for each in events if "FAILED" in each["ResourceStatus"]]
    return reasons[-1] if reasons else ""
