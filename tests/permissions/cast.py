"""The people of these tests: two organisations with everybody whom a permission can be about, and how each asks.

Acme has an owner, an admin and a member, a project with events, and its keys; Evil has the same and must see nothing
of Acme. Whatever can be named in a URL exists in both. Everything of Acme's bears `CANARY-acme`, by which it is known.
"""

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from chalicelib.events.patterns import fingerprint, pattern_id
from chalicelib.events.scope import Scope
from chalicelib.events.store import deploys, index
from chalicelib.identity import grants, invitations, key_ring, orgs, project_changes, sessions, users, views
from chalicelib.identity.api_keys import NewKey
from chalicelib.identity.membership import Member, add_member, membership
from chalicelib.identity.permissions import Role
from chalicelib.identity.users import NewUser, User
from chalicelib.ids import GrantId, OrgId, ProjectId, slot_of
from chalicelib.oauth import codes
from chalicelib.oauth.codes import Approval
from chalicelib.oauth.refresh_tokens import refresh_token
from chalicelib.oauth.tokens import Issued
from chalicelib.storage import audit, dynamodb
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.limits import leases
from chalicelib.storage.tables import keys
from chalicelib.web import csrf
from chalicelib.web.bodies import FORM
from chalicelib.web.cookies import PRE, SESSION
from tests.api.client import Client, Response
from tests.tables import delete, everything, put_back

ORIGIN = "http://127.0.0.1:8000"
DAY = 86_400


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Somebody:
    """One who asks: with a key, with a session, or with nothing."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    binding: str = field(default="", repr=False)
    """What their forms are bound to while they are signed in."""

    @property
    def own(self) -> dict[str, str]:
        """What only they have: their own session, as the lists of sessions call it."""
        return {"/sessions/{session}": sha256(self.binding.encode()).digest()[: sessions.HANDLE_BYTES].hex()}

    def send(self, method: str, path: str, body: Any = None, **more: str) -> Response:
        """As programs send: JSON, and the token in its header."""
        headers = {**self._proof(method), **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = json.dumps(body).encode() if body is not None else b""
        return Client().send(method, path, body=content, headers=headers | more)

    def post_form(self, path: str, fields: Mapping[str, str]) -> Response:
        """As browsers send forms, with the token in its field."""
        binding = self.binding or csrf.new_binding()
        cookies = [self.headers["Cookie"]] if "Cookie" in self.headers else []
        if not self.binding:
            cookies.append(f"{PRE}={binding}")
        headers = {"Origin": ORIGIN, "Content-Type": FORM, **self.headers, "Cookie": "; ".join(cookies)}
        body = urlencode({**fields, csrf.FIELD: csrf.token(binding, csrf.FORM)})
        return Client().send("POST", path, body=body.encode(), headers=headers)

    def _proof(self, method: str) -> dict[str, str]:
        if "Cookie" not in self.headers or method in csrf.SAFE_METHODS:
            return {}
        return {"Origin": ORIGIN, "X-CSRF-Token": csrf.token(self.binding, csrf.API)}


NOBODY = Somebody("nobody")


def holder(name: str, key: str) -> Somebody:
    return Somebody(name, {"Authorization": f"Bearer {key}"})


def connect(tenant: "Tenant", user: User, *, at: int | None = None) -> Issued:
    """What an app holds that somebody let in at that second, by default just now."""
    verifier, began = secrets.token_urlsafe(40), at or now()
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    approval = Approval(
        client_id="scry", client_name=f"{tenant.canary} app", client_host="", client_kind="registered",
        redirect_uri="http://127.0.0.1/callback", challenge=challenge, scope="events:read", resource=f"{ORIGIN}/mcp",
        org=tenant.org, project=tenant.project, user=user.user, membership=tenant.membership(user).membership,
    )  # fmt: skip
    code = codes.issue_code(approval, now=began)
    return codes.redeem(
        code, client_id="scry", redirect_uri=approval.redirect_uri, verifier=verifier, resource="", now=began
    )


def grant_of(held: Issued) -> GrantId:
    """The connection that tokens are of."""
    found = refresh_token(held.refresh_token)
    assert found is not None
    return found.grant


def signed_in(name: str, user: User, *, at: int | None = None, strong: bool = False) -> Somebody:
    """Somebody with a session that began at that second, by default just now."""
    change = Change()
    begun = sessions.begin(change, user, sessions.Visitor(source="192.0.2.7"), now=at or now(), strong=strong)
    commit(change)
    return Somebody(name, {"Cookie": f"{SESSION}={begun.cookie}"}, begun.cookie)


def signed_out(who: Somebody) -> Somebody:
    """Somebody whose browser still has the cookie of a session that does not count any more."""
    return Somebody(who.name, who.headers)


@dataclass(frozen=True)
class Tenant:
    """An organisation, everything in it, and what each parameter of a path is called there."""

    slug: str
    project_slug: str
    org: OrgId
    project: ProjectId
    owner: User
    admin: User
    member: User
    ingest_key: str
    query_key: str
    connection: Issued
    """Of an app that the member let in."""
    parameters: Mapping[str, str]

    @property
    def canary(self) -> str:
        return f"CANARY-{self.slug}"

    @property
    def logs(self) -> str:
        return f"/api/orgs/{self.slug}/projects/{self.project_slug}/logs"

    @property
    def people(self) -> dict[str, User]:
        return {"owner": self.owner, "admin": self.admin, "member": self.member}

    def membership(self, user: User) -> Member:
        found = membership(self.org, user.user)
        assert found is not None
        return found


def new_tenant(slug: str, project_slug: str) -> Tenant:
    canary = f"CANARY-{slug}"
    people = {role: new_user(f"{role}@{slug}.example", f"{canary} {role}") for role in Role}
    change = Change()
    founder = people[Role.OWNER].user
    founded = orgs.add_org(change, orgs.NewOrg(slug, f"{canary} org"), owner=founder, by=audit.SYSTEM, at=now())
    org = founded.org
    for role in (Role.ADMIN, Role.MEMBER):
        add_member(change, org, people[role].user, role, at=now())
    commit(change)
    owner = membership(org, founder)
    assert owner is not None
    project = project_changes.create_project(
        org, project_changes.NewProject(project_slug, f"{canary} project", 30), by=owner, now=now()
    )
    made = {
        kind: key_ring.create_key(org, project, kind, by=owner, label=f"{canary} {kind}", now=now())
        for kind in ("ingest", "query")
    }
    invited = invitations.invite(f"invited@{slug}.example", Role.MEMBER, by=owner, now=now())
    event = _first_event(f"/api/orgs/{slug}/projects/{project_slug}/logs", made, canary)
    _kept_up(org, project)
    bare = Tenant(
        slug, project_slug, org, project, people[Role.OWNER], people[Role.ADMIN], people[Role.MEMBER],
        made["ingest"].text, made["query"].text, Issued("", "", 0, ""), {},
    )  # fmt: skip
    connection = connect(bare, bare.member)
    grants.set_limit(grant_of(connection), grants.MOST_LIMIT, by=owner, now=now())  # a sweep asks more than apps do
    for kind in views.KINDS:
        new = views.NewView(f"{canary} {kind} view", f"q=service:{canary}&since=1h")
        view = views.save_view(project, kind, new, by=bare.membership(bare.member), now=now())
    parameters = {
        "/mcp/{org}": slug,
        "/{project}": project_slug,
        "/connections/{connection}": grant_of(connection).hex(),
        "/orgs/{org}": slug,
        "/projects/{project}": project_slug,
        "/logs/{id}": event,
        "/events/{id}": event,
        "/traces/{trace}": _trace(canary),
        "/patterns/{id}": pattern_id(fingerprint(f"{canary} event")).hex(),
        "/keys/{key}": made["query"].key_id,
        "/members/{user}": people[Role.MEMBER].user.hex(),
        "/invitations/{invitation}": invited.invitation.id.hex(),
        "/views/{view}": view.id.hex(),
        "/deploys/{deploy}": _first_deploy(made, canary),
        **signed_in("owner", people[Role.OWNER]).own,
        **FILE,
    }
    return replace(bare, connection=connection, parameters=parameters)


def new_user(email: str, name: str) -> User:
    """Somebody whose password nobody has: hashing one takes longer than most of these tests."""
    change = Change()
    user = users.create(change, NewUser(email, name, "$argon2id$none", confirmed=True), now=now())
    commit(change)
    return user


FILE: Mapping[str, str] = {"/static/{digest}": "0" * 16, "/{name}": "app.css"}
"""Files are nobody's, and the same for all."""

UNKNOWN: Mapping[str, str] = {
    "/orgs/{org}": "none-such",
    "/projects/{project}": "none-such",
    "/mcp/{org}": "none-such",
    "/{project}": "none-such",
    "/connections/{connection}": "00" * grants.ID_BYTES,
    "/keys/{key}": "0000none",
    "/traces/{trace}": "none-such",
    "/patterns/{id}": "00" * 8,
    "/members/{user}": "00" * 8,
    "/invitations/{invitation}": "00" * invitations.ID_BYTES,
    "/views/{view}": "00" * views.ID_BYTES,
    "/deploys/{deploy}": "00" * deploys.ID_BYTES,
    "/sessions/{session}": "00" * sessions.HANDLE_BYTES,
}
"""By the names of parameters: what is called so nowhere. Events have none: an id of theirs is tampered with instead."""


def _trace(canary: str) -> str:
    """The id of a trace, which pages repeat: it must not look like something of the tenant's that was told."""
    return f"trace-of-{canary.lower()}"


def _first_event(logs: str, made: Mapping[str, NewKey], canary: str) -> str:
    """Sends an event as a client does, and finds its id as a client would."""
    sent = Client().post(
        "/api/ingest",
        {"events": [{"message": f"{canary} event", "trace_id": _trace(canary)}]},
        key=made["ingest"].text,
    )
    assert sent.status == 202, sent.body
    [found] = Client().get(logs, key=made["query"].text).json["data"]
    return str(found["id"])


def _kept_up(org: OrgId, project: ProjectId) -> None:
    """Hours without events are known to be empty, as after a run of the upkeep: else each would be read each time."""
    scope, now_ms = Scope(org, project, 30), now() * 1000
    until = slot_of(now_ms - index.WATERMARK_BEHIND_MS)
    index.raise_watermark(scope, until, now_ms=now_ms, deadline=time.monotonic() + 10)


def _first_deploy(made: Mapping[str, NewKey], canary: str) -> str:
    told = {"version": f"{canary} version", "service": f"{canary} service", "note": f"{canary} note"}
    recorded = Client().post("/api/deploys", told, key=made["ingest"].text)
    assert recorded.status == 201, recorded.body
    return str(recorded.json["id"])


@contextmanager
def restored() -> Iterator[None]:
    """Whatever happens inside did not happen: every table is as it was, and so is what the container remembers."""
    try:
        with put_back():
            yield
    finally:
        leases._held.clear()


def undone(method: str) -> AbstractContextManager[None]:
    """`restored`, for what may have changed something. (That a GET changes nothing has a test of its own.)"""
    return nullcontext() if method in csrf.SAFE_METHODS else restored()


def forget_limits() -> None:
    """Nobody asked for anything yet."""
    name = dynamodb.table(keys.LIMITS)
    for item in everything()[name].values():
        delete(name, item)
    leases._held.clear()


def stored() -> dict[str, dict[tuple[str, str], dict[str, str]]]:
    """Everything that all tables hold: by table, by key, by attribute."""
    return {
        name.rpartition("-")[2]: {
            key: {field: str(value) for field, value in item.items()} for key, item in items.items()
        }
        for name, items in everything().items()
    }
