"""What is attacked: the product behind its gateway on a port of this machine, with Acme and Evil in it.

Data is on a real engine and new for each test. Limits are far away: who only ever met them would have tried nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app import app
from chalicelib.web import csrf
from chalicelib.web.cookies import PRE
from chalicelib.web.headers import SECURITY_HEADERS
from infra.gateway import Gateway, serving
from tests.attack.unlimited import lift_limits
from tests.permissions.cast import ORIGIN, Somebody, Tenant, holder, new_tenant, signed_in


@dataclass(frozen=True)
class Target:
    """The running product, and the two organisations in it."""

    url: str
    acme: Tenant
    evil: Tenant

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """Serves until the block ends, with tables that are there already."""
    with monkeypatch.context() as patched:
        lift_limits(patched)
        acme, evil = new_tenant("acme", "shop"), new_tenant("evil", "laboratory")
        with serving(Gateway(app, stage="api", headers=SECURITY_HEADERS)) as url:
            yield Target(url, acme, evil)


WHO: Mapping[str, Callable[[Target], Somebody]] = {
    "nobody": lambda at: Somebody("nobody"),
    "an ingest key": lambda at: holder("ingest key", at.acme.ingest_key),
    "a query key": lambda at: holder("query key", at.acme.query_key),
    "a connection": lambda at: holder("connection", at.acme.connection.access_token),
    "a stranger's query key": lambda at: holder("stranger's query key", at.evil.query_key),
    "a stranger": lambda at: signed_in("stranger", at.evil.owner),
    "a member": lambda at: signed_in("member", at.acme.member),
    "the owner": lambda at: signed_in("owner", at.acme.owner),
}
"""Every kind of credential. The owner comes last, who can end what the others have."""

STRANGERS = ("nobody", "a stranger's query key", "a stranger")
"""Who must not be told anything of Acme's."""


def headers(who: Somebody) -> dict[str, str]:
    """All that shows who somebody is, and that a page of ours sent what they send."""
    if "Authorization" in who.headers:
        return dict(who.headers)
    binding = who.binding or csrf.new_binding()
    cookies = who.headers.get("Cookie") or f"{PRE}={binding}"
    return {"Cookie": cookies, "Origin": ORIGIN, "X-CSRF-Token": csrf.token(binding, csrf.API)}
