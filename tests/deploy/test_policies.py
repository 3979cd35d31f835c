"""Each function may do what it does and nothing else: its policy is compared with its source, and it runs under it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib import settings
from chalicelib.identity import deletion, orgs, projects, users
from chalicelib.jobs import erasure, retention, upkeep
from chalicelib.jobs.clock import Clock
from chalicelib.storage import audit, dynamodb
from chalicelib.storage.erasures import QUIET_SECONDS
from chalicelib.storage.errors import RequestRefused
from chalicelib.storage.tables import keys
from chalicelib.web.declaration import Declaration
from infra.deploy.policies import CLOUDFORMATION, FOLDER, TERRAFORM, Place, policies
from infra.deploy.stage import API, CONFIG, stage
from infra.deploy.tables import deployed
from tests.api.client import Client
from tests.deletion.conftest import doomed
from tests.deletion.everything import Doomed, everything_of
from tests.deploy.calls import ROOT, Pair, pairs_of, reachable
from tests.permissions.cast import Tenant, forget_limits, holder, signed_in, undone
from tests.permissions.examples import body, reads_json
from tests.permissions.routes import ROUTES, path
from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "doomed", "everything_is_served", "evil"]

FUNCTIONS = {function.name: function for function in stage("dev").functions}
CONFIGURED = json.loads(CONFIG.read_text())["lambda_functions"]

NOT_DEPLOYED = {(operation, keys.OUTBOX) for operation in ("BatchWriteItem", "PutItem", "Query")}
"""Letters that are shown instead of sent: no deployment has the table."""

ONLY_THE_OTHER = {
    API: {("DeleteItem", keys.WORK), ("PutItem", keys.RECEIPTS)},  # notes are struck by the upkeep, erasures end there
    "compact": {("DeleteItem", keys.EVENTS)},  # texts of patterns go with the purge
    "purge": {
        *((each, keys.GRANTS) for each in ("ConditionCheckItem", "PutItem")),
        *((each, keys.KEYS) for each in ("GetItem", "PutItem")),
        *((each, keys.LIMITS) for each in ("GetItem", "UpdateItem")),
        *((each, keys.USERS) for each in ("BatchGetItem", "ConditionCheckItem", "UpdateItem")),
        ("PutItem", keys.SESSIONS),
        ("Query", keys.RECEIPTS),
    },  # people make things, and look at them; the purge ends them
}
"""What stands in a module that both reach, and only the other function does."""

UNSEEN = {("Query", keys.WORK), ("GetItem", keys.RECEIPTS)}
"""Named in one function of `events.store.register`, and sent by another; or asked by a change whose answer was lost."""


def statements(function: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / CONFIGURED[function]["iam_policy_file"]).read_text())[
        "Statement"
    ]
    return found


def granted(function: str) -> set[Pair]:
    """Operations of DynamoDB and tables."""
    return {
        (action.removeprefix("dynamodb:"), arn.rpartition("-")[2])
        for statement in statements(function)
        for action in statement["Action"]
        for arn in statement["Resource"]
        if action.startswith("dynamodb:")
    }


def modules(function: str) -> list[str]:
    """Where a function begins."""
    if function != API:
        return [f"chalicelib.jobs.{function}"]
    files = (ROOT / "chalicelib" / "routes").rglob("*.py")
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]


def named(function: str) -> set[Pair]:
    return {pair for module in reachable(*modules(function)) for pair in pairs_of(module)}


# --- what is written down ---------------------------------------------------------------------------------------------


def test_every_function_has_a_policy_of_its_own() -> None:
    files = [CONFIGURED[name]["iam_policy_file"] for name in FUNCTIONS]
    assert sorted(files) == sorted({*files}) == sorted(path.name for path in FOLDER.glob("policy-*.json"))
    assert set(CONFIGURED) == set(FUNCTIONS)
    assert json.loads(CONFIG.read_text())["autogen_policy"] is False


@pytest.mark.requirement("V13.2.2")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_granted_by_a_wildcard(function: str) -> None:
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action or "?" in action]
        for arn in statement["Resource"]:
            name = arn.split(":", 5)[5].removesuffix(":log-stream:*")  # the runtime names its own streams
            assert "*" not in name
            assert "?" not in name


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_table_that_is_named_is_deployed(function: str) -> None:
    assert {table for _, table in granted(function)} <= {model.table for model in deployed()}


@pytest.mark.requirement("V13.2.2")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_granted_that_the_source_does_not_do(function: str) -> None:
    assert granted(function) - named(function) - UNSEEN == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_everything_that_the_source_does_is_granted(function: str) -> None:
    assert named(function) - granted(function) - NOT_DEPLOYED - ONLY_THE_OTHER.get(function, set()) == set()


@pytest.mark.requirement("V13.3.2")
def test_only_the_function_that_signs_reads_the_secret_and_only_those_that_write_letters_send_mail() -> None:
    """The upkeep tells owners that the day's allowance runs out."""
    more = {API: {"ssm:GetParameter", "ses:SendEmail"}, "compact": {"ses:SendEmail"}}
    for name in FUNCTIONS:
        other = {action for each in statements(name) for action in each["Action"] if not action.startswith("dynamodb:")}
        assert other == {"logs:CreateLogStream", "logs:PutLogEvents"} | more.get(name, set())


@pytest.mark.requirement("V16.4.2")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_was_logged_is_not_changed_by_who_logged_it(function: str) -> None:
    """Not even a function that somebody took over: it may add to logs, and to the audit log, which it reads as well."""
    erased = {"BatchWriteItem", "UpdateItem"} if function == "purge" else set()
    assert {operation for operation, table in granted(function) if table == keys.AUDIT} <= {"PutItem", "Query"} | erased
    logs = {action for each in statements(function) for action in each["Action"] if action.startswith("logs:")}
    assert logs == {"logs:CreateLogStream", "logs:PutLogEvents"}


# --- what a deployment gets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [Place("aws", "eu-central-1", "123456789012"), CLOUDFORMATION, TERRAFORM])
def test_a_deployed_policy_names_its_own_stage_account_and_region(place: Place) -> None:
    for policy in policies(stage("prod"), place).values():
        text = json.dumps(policy)
        assert "scrywatch-dev" not in text
        assert "/dev/" not in text
        assert ":*:*:" not in text
        assert "example.com" not in text
        assert f":{place.region}:{place.account}:table/scrywatch-prod-events" in text


def test_mail_is_granted_to_whom_it_comes_from_and_only_where_some_is_sent(tmp_path: Path) -> None:
    described = json.loads(CONFIG.read_text())
    described["stages"]["prod"] = {"environment_variables": {"SCRY_MAIL": "ses", "SCRY_MAIL_FROM": "post@acme.example"}}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(described))
    place = Place("aws", "eu-central-1", "123456789012")
    found = [
        each
        for policy in policies(stage("prod", file), place).values()
        for each in policy["Statement"]
        if each["Sid"] == "Mail"
    ]
    assert len(found) == 2
    for mail in found:
        assert mail["Resource"] == [
            "arn:aws:ses:eu-central-1:123456789012:identity/post@acme.example",
            "arn:aws:ses:eu-central-1:123456789012:identity/acme.example",
        ]
        assert mail["Condition"] == {"StringEquals": {"ses:FromAddress": "post@acme.example"}}
    assert all(each["Sid"] != "Mail" for p in policies(stage("dev"), place).values() for each in p["Statement"])


# --- as it runs -------------------------------------------------------------------------------------------------------

PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

_allowed: ContextVar[set[Pair] | None] = ContextVar("allowed", default=None)


def asked(operation: str, request: dict[str, Any]) -> Iterator[Pair]:
    """What IAM would ask for: of a transaction, for each of its parts."""
    if operation == "TransactWriteItems":
        for item in request["TransactItems"]:
            ((part, content),) = item.items()
            yield PARTS[part], content["TableName"].rpartition("-")[2]
    elif "RequestItems" in request:
        yield from ((operation, table.rpartition("-")[2]) for table in request["RequestItems"])
    else:
        yield operation, request["TableName"].rpartition("-")[2]


@contextmanager
def under(function: str) -> Iterator[set[Pair]]:
    """What happens inside may do what the function may, and is refused anything else. Collects what was refused."""
    refused: set[Pair] = set()
    with pytest.MonkeyPatch.context() as patched:
        answer = dynamodb._answer

        def guarded(operation: str, request: dict[str, Any], deadline: float | None) -> Any:
            wrong = set(asked(operation, request)) - granted(function) - NOT_DEPLOYED
            if wrong:
                refused.update(wrong)
                raise RequestRefused(operation, "AccessDeniedException", "not authorized")
            return answer(operation, request, deadline)

        patched.setattr(dynamodb, "_answer", guarded)
        yield refused


@pytest.mark.parametrize("who", ["owner", "ingest", "connection"])
def test_every_route_is_served_under_the_policy_of_the_api(
    who: str, acme: Tenant, everything_is_served: None, request: pytest.FixtureRequest
) -> None:
    with under(API) as refused:
        for route in ROUTES:
            with undone(route.method):
                forget_limits()
                _ask(who, route, acme)
    assert refused == set()


def _ask(who: str, route: Declaration, tenant: Tenant) -> None:
    keys_of = {
        "ingest": tenant.ingest_key,
        "query": tenant.query_key,
        "connection": tenant.connection.access_token,
        "nobody": "scry_qry_nobody",
    }
    if who in keys_of:
        holder(who, keys_of[who]).send(route.method, path(route, tenant), body(route) if reads_json(route) else None)
        return
    somebody = signed_in(who, tenant.people[who])
    where = path(route, tenant, somebody.own)
    if route.kind == "form":
        somebody.post_form(where, {name: str(value) for name, value in (body(route) or {}).items()})
    else:
        somebody.send(route.method, where, body(route) if reads_json(route) else None)


def test_the_upkeep_runs_under_its_policy(engine_store: None) -> None:
    import time

    from tests.api.client import new_tenant

    tenant = new_tenant("acme", "shop")
    begun = time.time_ns() // 1_000_000
    hours_ago = begun - 5 * 3_600_000
    for number in range(40):
        event = {"timestamp": hours_ago + number, "message": f"event {number}"}
        assert Client().post("/api/ingest", {"events": [event]}, key=tenant.ingest_key).status == 202
    with under("compact") as refused:
        first = upkeep.run(now_ms=begun + 3_600_000, deadline=time.monotonic() + 60)
        second = upkeep.run(now_ms=begun + 3 * 3_600_000, deadline=time.monotonic() + 60)
    assert refused == set()
    assert first.failed == second.failed == 0
    assert first.merged
    assert first.indexed + second.indexed
    assert second.struck


def test_the_purge_runs_under_its_policy(doomed: Doomed, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()
    acme = doomed.acme
    everything_of(acme.member, acme, doomed.evil)
    project, org = projects.project_by_id(acme.org, doomed.id), orgs.org_by_id(acme.org)
    member = users.by_id(acme.member.user)
    assert project is not None
    assert org is not None
    assert member is not None
    by, now = acme.membership(acme.owner), int(time.time())
    deletion.delete_project(project, by=by, now=now)
    with monkeypatch.context() as cut_short:
        cut_short.setattr("chalicelib.identity.deletion._sweep", lambda *_, **__: None)
        deletion.delete_account(member, by=audit.person(member.user), now=now)
    late = (now + QUIET_SECONDS + 60) * 1000
    with under("purge") as refused:
        first = erasure.run(Clock(now_ms=late, deadline=time.monotonic() + 120))
        deletion_of_org = orgs.org_by_id(acme.org)
        assert deletion_of_org is not None
    deletion.delete_org(deletion_of_org, by=by, now=now)
    with under("purge") as also_refused:
        second = erasure.run(Clock(now_ms=late, deadline=time.monotonic() + 120))
        third = erasure.run(Clock(now_ms=late, deadline=time.monotonic() + 120))
        walked = retention.run(Clock(now_ms=late, deadline=time.monotonic() + 120))
    assert refused | also_refused == set()
    assert first.failed == second.failed == third.failed == walked.failed == 0
    assert first.ended + second.ended + third.ended == 4, "two projects, an account, an organisation"


def test_no_route_is_left_out() -> None:
    assert len(ROUTES) == sum(len(methods) for methods in app.routes.values())
