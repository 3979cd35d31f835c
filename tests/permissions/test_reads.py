"""A GET changes nothing but a short list, whoever sends it; and no request of another method passes for one."""

import pytest

from chalicelib.identity import members
from chalicelib.identity.permissions import READS, Role
from tests.permissions.cast import NOBODY, Somebody, Tenant, connect, holder, now, restored, signed_in, stored
from tests.permissions.routes import ROUTES, path, title

SAFE = [route for route in ROUTES if route.method in ("GET", "HEAD")]

MAY_CHANGE = {
    "limits": {"tat", "t", "nonce"},
    "keys": {"last_used_at"},
    "grants": {"last_used_at", "what", "outcome", "rows", "took_ms", "t", "nonce"},
    "tokens": {"leased_at"},
}
"""By table, the attributes that a GET may leave changed: how often somebody asked, when a key
or a connection was used and for what, and whether a token has asked to be refreshed. Besides,
somebody whose power grew gets a new session id with whatever they ask for next: that has a test of its own.
"""


@pytest.mark.requirement("S22", "V3.5.3")
@pytest.mark.parametrize("name", ["nobody", "owner", "query key", "connection", "connection in its last minute"])
def test_a_get_changes_nothing_but_a_short_list(name: str, acme: Tenant) -> None:
    who: Somebody = {
        "nobody": lambda: NOBODY,
        "owner": lambda: signed_in("owner", acme.owner),
        "query key": lambda: holder("query key", acme.query_key),
        "connection": lambda: holder("connection", acme.connection.access_token),
        "connection in its last minute": lambda: holder("it", connect(acme, acme.owner, at=now() - 3_560).access_token),
    }[name]()
    for route in SAFE:
        with restored():
            before = stored()
            who.send(route.method, path(route, acme))
            assert changed(before, stored()) <= {(t, a) for t, names in MAY_CHANGE.items() for a in names}, title(route)


@pytest.mark.requirement("S21", "S22")
def test_a_get_by_who_was_given_more_power_changes_the_id_of_their_session_and_nothing_else(acme: Tenant) -> None:
    """The one GET that writes more: a new id at the first use of the power (ASVS 7.2.4), whatever uses it."""
    member = signed_in("member", acme.member, at=now() - 60)
    members.change_role(acme.member.user, Role.ADMIN, by=acme.membership(acme.owner), now=now())
    before = stored()
    assert member.send("GET", f"/api/orgs/{acme.slug}/members").status == 200
    items = {table for table, what in changed(before, stored()) - {("limits", a) for a in MAY_CHANGE["limits"]}}
    assert items == {"sessions", "audit"}


def changed(before: dict, after: dict) -> set[tuple[str, str]]:
    """Tables and attributes that differ; a new item of `limits`, and a new call of a connection, count by their
    attributes, any other as itself."""
    found = set()
    for table, rows in after.items():
        for key in rows.keys() | before[table].keys():
            old, new = before[table].get(key), rows.get(key)
            is_call = table == "grants" and new is not None and "what" in new
            if (old is None or new is None) and table != "limits" and not is_call:
                found.add((table, f"item {key}"))
                continue
            old, new = old or {}, new or {}
            names = (old.keys() | new.keys()) - {"p", "s"}
            found |= {(table, name) for name in names if old.get(name) != new.get(name)}
    return found


@pytest.mark.requirement("S22", "S30")
def test_no_route_answers_a_get_with_what_only_a_write_may_do() -> None:
    """One route that served GET and POST under a permission to read was a hole elsewhere."""
    assert all(route.permission in READS for route in SAFE)
    views = {(route.path, route.method) for route in ROUTES}
    assert len(views) == len(ROUTES)


@pytest.mark.requirement("S22", "V3.5.3")
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_headers_that_name_another_method_do_nothing(header: str, acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    with restored():
        before = stored()["sessions"]
        answer = owner.send("GET", "/api/auth/logout", **{header: "POST"})
        assert answer.status == 405
        assert stored()["sessions"] == before
    assert owner.send("POST", "/api/auth/logout", **{header: "GET"}).status == 200


@pytest.mark.requirement("S22")
def test_a_parameter_that_names_another_method_does_nothing(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    assert owner.send("GET", "/api/auth/me?_method=POST").status == 200
    assert owner.send("GET", "/api/auth/logout?_method=POST").status == 405
