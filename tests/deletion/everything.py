"""One of everything that there is of a project, of an organisation and of a person, each with a canary in it."""

import json
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import msgspec

from chalicelib.identity import (
    activity,
    devices,
    grants,
    invitations,
    key_ring,
    project_changes,
    second_factor,
    sessions,
    sign_up,
    totp,
    views,
)
from chalicelib.identity.activity import Call
from chalicelib.identity.membership import Operator
from chalicelib.identity.permissions import Role
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.sessions import Visitor
from chalicelib.identity.users import User
from chalicelib.ids import ProjectId
from chalicelib.oauth import codes, rotation
from chalicelib.oauth.codes import Approval
from chalicelib.storage import audit, dynamodb, erasures, outbox
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.erasures import EMPTY_PASSES, Progress, Receipt, Subject
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import MODELS
from tests.permissions.cast import ORIGIN, Tenant, connect, grant_of, now, signed_in

ENGINE = frozenset({keys.EVENTS, keys.WORK})
"""Tables of events and of jobs, which others erase."""


VERIFIER = "v" * 43


@dataclass(frozen=True)
class Doomed:
    """Acme with a second project, to which everything belongs that bears `CANARY-doomed`."""

    acme: Tenant
    evil: Tenant
    project: Tenant
    """As the tenant whose one project it is."""
    names: tuple[str, ...]
    """The ids of all its keys and connections, in hex or as they are."""

    @property
    def id(self) -> ProjectId:
        return self.project.project


def new_doomed(acme: Tenant, evil: Tenant) -> Doomed:
    owner = acme.membership(acme.owner)
    opened = project_changes.open_project(acme.org, NewProject("doomed", "CANARY-doomed", 30), by=owner, now=now())
    project = replace(acme, slug="doomed", project_slug="doomed", project=opened.project)
    made = [_rotated_key(project), opened.ingest_key.key_id, *_connections(project)]
    for kind in views.KINDS:
        new = views.NewView(f"CANARY-doomed {kind}", "q=CANARY-doomed")
        views.save_view(opened.project, kind, new, by=acme.membership(acme.member), now=now())
    return Doomed(acme, evil, project, tuple(made))


def _rotated_key(project: Tenant) -> str:
    """With everything in the log that can happen to a key."""
    by = project.membership(project.member)
    made = key_ring.create_key(
        project.org, project.project, "query", by=by, label="CANARY-doomed key", now=now(), lifetime_days=30
    )
    key_ring.relabel_key(key_ring.key_by_id(made.key_id), by=by, label="CANARY-doomed name", now=now())
    listed = key_ring.key_by_id(made.key_id)
    key_ring.rotate_key(listed, by=by, overlap_seconds=600, now=now())
    return made.key_id


def _connections(project: Tenant) -> Iterator[str]:
    """One that works and was refreshed, one that ended, and a code that nobody redeemed: each with its calls."""
    for person in (project.member, project.owner):
        held = connect(project, person)
        grant = grants.grant_by_id(grant_of(held), now=now())
        assert grant is not None
        activity.note_call(grant, Call(now() * 1000, "CANARY-doomed tool", "ok", 3, 7))
        rotation.refresh(held.refresh_token, client_id="scry", scope="", resource="", now=now())
        grants.set_limit(grant.id, 90, by=Operator(), now=now())
        if person is project.owner:
            grants.revoke_grant(grant.id, by=Operator(), now=now())
        yield grant.id.hex()
    unredeemed_code(project, project.member)


def unredeemed_code(project: Tenant, user: User) -> str:
    """For which `VERIFIER` would give tokens."""
    challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    approval = Approval(
        client_id="scry", client_name="CANARY-doomed app", client_host="", client_kind="registered",
        redirect_uri="http://127.0.0.1/callback", challenge=challenge, scope="events:read", resource=f"{ORIGIN}/mcp",
        org=project.org, project=project.project, user=user.user, membership=project.membership(user).membership,
    )  # fmt: skip
    return codes.issue_code(approval, now=now())


def everything_of(user: User, acme: Tenant, evil: Tenant) -> None:
    """What a person can have besides what is a project's: a session, a device, a factor, letters, invitations."""
    visitor = Visitor(source="192.0.2.7")
    session = signed_in("somebody", user)
    change = Change()
    devices.remember(change, user.user, now=now())
    commit(change)
    _turn_factor_on(user, session.binding, visitor)
    invitations.invite("friend@else.example", Role.MEMBER, by=acme.membership(acme.owner), now=now())
    invitations.invite(user.email, Role.MEMBER, by=evil.membership(evil.owner), now=now())
    wanted = sign_up.Wanted(user.email, "a long enough passphrase 7", "CANARY-name", "CANARY-org")
    change = Change()
    change.put(keys.USERS, keys.FIRST_ACCOUNT, keys.ONLY, {"created_at": now()})
    commit(change)
    assert sign_up.register(wanted, visitor, now=now()) is None
    assert any(letter.to == user.email for letter in outbox.letters())


def _turn_factor_on(user: User, cookie: str, visitor: Visitor) -> None:
    second_factor.enrol(user, now=now())
    seed = item(keys.USERS, keys.user_partition(user.user), keys.SECOND_FACTOR)
    found = sessions.session(cookie, now=now())
    assert seed is not None
    assert found is not None
    second_factor.confirm(found, totp.code(seed["secret"].binary, totp.step_of(now())), visitor, now=now())


# --- what a job does --------------------------------------------------------------------------------------------------


def deadline() -> float:
    return time.monotonic() + 60


def erased(subject: Subject, one_pass: Callable[[], Counter[str]], stub: Callable[[Change], None]) -> Receipt:
    """Passes until two in a row find nothing, and the receipt: as the purge does it, without its waiting."""
    removed: Counter[str] = Counter()
    passes = 1
    while found := one_pass():
        removed += found
        passes += 1
        assert passes < 10, found
    assert not one_pass()
    asked = erasures.erasure_of(subject)
    assert asked is not None
    asked = erasures.save(asked, Progress(passes=passes, empty=EMPTY_PASSES, removed=removed))
    change = Change()
    stub(change)
    receipt = erasures.end(change, asked, at=now())
    commit(change)
    return receipt


# --- what is found by a scan ------------------------------------------------------------------------------------------


def rows(table: str) -> dict[tuple[bytes, bytes], str]:
    """All items of a table by their keys, as text in which bytes are in hex."""
    request: dict[str, Any] = {"TableName": dynamodb.table(table), "ConsistentRead": True}
    found: list[Item] = []
    while True:
        answer = dynamodb.call("Scan", request)
        found += answer.items
        if answer.last_evaluated_key is None:
            break
        request["ExclusiveStartKey"] = answer.last_evaluated_key
    return {(row["p"].binary, row["s"].binary): _text(row) for row in found}


def _text(row: Item) -> str:
    return json.dumps(msgspec.to_builtins(row, builtin_types=(bytes,)), default=bytes.hex, sort_keys=True)


def mentions(*needles: str | bytes, without: frozenset[str] = ENGINE) -> dict[tuple[str, bytes, bytes], str]:
    """Every item, in any table, whose key or fields hold one of these: texts as they are, bytes in hex too."""
    wanted = {needle for each in needles for needle in _forms(each)}
    return {
        (model.table, *place): text
        for model in MODELS
        if model.table not in without
        for place, text in rows(model.table).items()
        if any(needle in text for needle in wanted)
    }


def _forms(needle: str | bytes) -> set[str]:
    if isinstance(needle, bytes):
        return {needle.hex()}
    return {needle, needle.encode().hex()}


def tables_of(found: dict[tuple[str, bytes, bytes], str]) -> Counter[str]:
    return Counter(table for table, _, _ in found)


def logged(tenant: Tenant) -> list[audit.Entry]:
    return audit.search(tenant.org, audit.Filter(), limit=500).data
