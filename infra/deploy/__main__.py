"""Deploys, takes down, packages: `make deploy STAGE=dev`, `make destroy STAGE=dev`, `make package STAGE=dev`.

deploy   secret -> tables -> logs and alarms -> functions (Chalice) -> answers and throttles of the gateway
destroy  asks -> functions -> logs and alarms; and if that is wanted too -> tables and secret
package  the zip and one template: CloudFormation, or with --terraform Terraform
secret   only the secret, for those who deploy the template with something else
"""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from infra.deploy import ages, edge, gateway, single, stacks, tables
from infra.deploy.account import Account, AccountRefused
from infra.deploy.bundle import BundleFailed
from infra.deploy.policies import CLOUDFORMATION, TERRAFORM
from infra.deploy.project import ChaliceFailed, deployed_api, package, project, run
from infra.deploy.stage import CONFIG, Stage, StageWrong, stage
from infra.engine_binary import ROOT

REFUSALS: Final = (AccountRefused, BotoCoreError, BundleFailed, ChaliceFailed, ClientError, StageWrong)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if it was done; 1 if not, and standard error says why."""
    given = _parser().parse_args(arguments)
    try:
        given.run(stage(given.stage, given.config), given)
    except REFUSALS as refusal:
        print(f"scrywatch: {refusal}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description="From this checkout to AWS, and back.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[Stage, argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("stage", metavar="STAGE")
        made.add_argument("--config", type=Path, default=CONFIG, help="another file than .chalice/config.json")
        made.set_defaults(run=act)
        return made

    command("deploy", _deploy, "deploy a stage, or bring it up to date")
    command("destroy", _destroy, "take a stage down; asks first, and once more for the data")
    command("secret", _secret, "make the secret of a stage, if there is none")
    command("edge", _edge, "put a distribution in front of a deployed stage")
    packaging = command("package", _package, "write the zip and one template that deploys everything")
    packaging.add_argument("--terraform", action="store_true", help="for Terraform instead of CloudFormation")
    packaging.add_argument("--out", type=Path, help="the folder; .local/package/STAGE if left out")
    return parser


def _deploy(chosen: Stage, _: argparse.Namespace) -> None:
    account = Account()
    place = account.place
    print(f"Deploying {chosen.prefix} to {place.account} in {place.region}", flush=True)
    _say("secret", changed=account.make_secret(chosen))
    tables_changed = account.put_stack(stacks.data_stack(chosen), stacks.data(chosen), chosen, protected=True)
    _say("tables", changed=tables_changed)
    _say("logs and alarms", changed=account.put_stack(stacks.watch_stack(chosen), stacks.watching(chosen), chosen))
    chosen = _within_limits(chosen, account)
    with project(chosen, place) as folder:
        run(folder, "deploy", "--stage", chosen.name, variables={"AWS_DEFAULT_REGION": place.region})
    # Chalice has just replaced what it does not know of.
    api = deployed_api(chosen)
    assert api is not None, "Chalice deployed the app and remembers no API"
    changed = gateway.apply(account.client("apigateway"), api.id, chosen)
    print(f"gateway: {', '.join(changed) or 'as it was'}")
    print(f"Scrywatch is at {chosen.variables.get('SCRY_URL') or api.url}")
    if not chosen.domain:
        print("There is no custom domain: events and queries work there, pages do not (docs/deploy.md).")
    today = dt.datetime.now(dt.UTC).date()
    for notice in ages.said(secret=account.secret_changed(chosen), pins=ages.of_pins(), today=today):
        print(f"*** {notice} ***")


def _within_limits(chosen: Stage, account: Account) -> Stage:
    """Without the reservations that the account has no room for: Lambda would refuse the whole function."""
    said: dict[str, Any] = chosen.config["lambda_functions"]
    reserved = sum(said[each.name].get("reserved_concurrency", 0) for each in chosen.functions)
    if not reserved or account.room_for(reserved):
        return chosen
    print(f"*** The account cannot reserve {reserved} concurrent executions. Functions share what there is. ***")
    without = {name: {k: v for k, v in of.items() if k != "reserved_concurrency"} for name, of in said.items()}
    return replace(chosen, config={**chosen.config, "lambda_functions": without})


def _destroy(chosen: Stage, _: argparse.Namespace) -> None:
    account = Account()
    place = account.place
    print(f"This takes {chosen.prefix} in {place.account}, {place.region}, down: functions, addresses, logs, alarms.")
    if not _agreed(chosen.name):
        print("Nothing was done.")
        return
    if deployed_api(chosen):
        with project(chosen, place) as folder:
            run(folder, "delete", "--stage", chosen.name, variables={"AWS_DEFAULT_REGION": place.region})
    Account(edge.REGION).delete_stack(edge.stack(chosen))
    account.delete_stack(stacks.watch_stack(chosen))
    print("Functions, logs and alarms are gone. The tables and the secret are still there: deploying again goes on.")
    print("Shall all of its data be deleted too, accounts and events, beyond recovery?")
    if not _agreed(f"delete the data of {chosen.name}"):
        print("The data stays.")
        return
    for model in tables.deployed():
        account.delete_table(f"{chosen.prefix}-{model.table}")
    account.delete_stack(stacks.data_stack(chosen))
    account.forget_secret(chosen)
    print("The data is gone.")


def _secret(chosen: Stage, _: argparse.Namespace) -> None:
    _say(f"secret {chosen.secrets_parameter}", changed=Account().make_secret(chosen))


def _edge(chosen: Stage, _: argparse.Namespace) -> None:
    api = deployed_api(chosen)
    if api is None:
        raise StageWrong(f"{chosen.name} is not deployed: `make deploy STAGE={chosen.name}` first")
    there = Account(edge.REGION)
    template = edge.template(chosen, api=api.id, region=Account().region)
    _say("distribution", changed=there.put_stack(edge.stack(chosen), template, chosen))
    print(f"It answers at https://{there.output(edge.stack(chosen), edge.ADDRESS)}")


def _package(chosen: Stage, given: argparse.Namespace) -> None:
    out = (given.out or ROOT / ".local" / "package" / chosen.name).resolve()
    # Where it is deployed, the template does not say: whoever deploys it does.
    variables = {"AWS_DEFAULT_REGION": "us-east-1"}
    with project(chosen, TERRAFORM if given.terraform else CLOUDFORMATION) as folder:
        if given.terraform:
            package(folder, out, chosen, "--pkg-format", "terraform", variables=variables)
            (out / "stacks.tf.json").write_text(json.dumps(single.for_terraform(chosen), indent=2) + "\n")
        else:
            merged = folder / "merge.json"
            merged.write_text(json.dumps(single.to_merge(chosen)))
            package(folder, out, chosen, "--merge-template", str(merged), variables=variables)
    print(f"Packaged into {out}. Before it is deployed: python -m infra.deploy secret {chosen.name}")


def _agreed(words: str) -> bool:
    """Whether somebody types exactly this. Nobody at the terminal is a no."""
    try:
        return input(f"Type `{words}` to go on: ") == words
    except EOFError:
        print()
        return False


def _say(what: str, *, changed: bool) -> None:
    print(f"{what}: {'made' if changed else 'as it was'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
