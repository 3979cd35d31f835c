"""What must fit together, row by row of docs/security.md, and questions that cost too much."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.events.query.language import MAX_LENGTH, MAX_NESTING, MAX_TERMS
from chalicelib.identity import invitations
from chalicelib.identity.permissions import Role
from tests.api.client import Client, Response
from tests.permissions.cast import NOBODY, Tenant, holder, new_user, now, signed_in
from tests.security.test_documentation import SECURITY, rows, section

Refused = tuple[int, str]


def of(answer: Response) -> Refused:
    return answer.status, answer.json["type"].rpartition(":")[2]


def asked(acme: Tenant, **parameters: str) -> Refused:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return of(holder("query", acme.query_key).send("GET", f"{acme.logs}?{query}"))


def _password(_: Tenant) -> Refused:
    wanted = {"email": "zoe@example.com", "name": "Zoe Smithers", "orgName": "Otters", "password": "Zoe Smithers 1"}
    headers = {"Origin": "http://127.0.0.1:8000"}
    assert "little more than a name" in NOBODY.send("POST", "/api/auth/register", wanted, **headers).json["detail"]
    return of(NOBODY.send("POST", "/api/auth/register", wanted, **headers))


def _role(acme: Tenant) -> Refused:
    admin = signed_in("admin", acme.admin)
    return of(admin.send("POST", "/api/orgs/acme/invitations", {"email": "zoe@example.com", "role": "owner"}))


def _invitation(acme: Tenant) -> Refused:
    owner = acme.membership(acme.owner)
    token = invitations.invite("zoe@example.com", Role.MEMBER, by=owner, now=now()).token
    other = signed_in("other", new_user("other@example.com", "Other"))
    return of(other.send("POST", "/api/invitations/accept", {"token": token}))


def _owner(acme: Tenant) -> Refused:
    stranger = new_user("stranger@example.com", "Stranger")
    return of(signed_in("owner", acme.owner).send("PUT", "/api/orgs/acme/owner", {"member": stranger.user.hex()}))


def _factor(acme: Tenant) -> Refused:
    return of(signed_in("owner", acme.owner).send("PATCH", "/api/orgs/acme", {"second_factor_required": True}))


def _idempotency(acme: Tenant) -> Refused:
    one, other = (
        Client().post("/api/ingest", {"message": text}, key=acme.ingest_key, headers={"Idempotency-Key": "k"})
        for text in ("one", "other")
    )
    assert one.status == 202
    return of(other)


def _seen(acme: Tenant) -> Refused:
    return of(signed_in("owner", acme.owner).send("PATCH", "/api/orgs/acme", {"name": "B"}, **{"If-Match": '"old"'}))


def _view(acme: Tenant) -> Refused:
    view = {"name": "Errors", "state": "q=level:"}
    return of(signed_in("member", acme.member).send("POST", f"{acme.logs.removesuffix('/logs')}/views", view))


MISFITS: dict[str, tuple[Callable[[Tenant], Refused], Refused]] = {
    "`since` and `from`": (lambda acme: asked(acme, since="1h", **{"from": "0"}), (400, "query")),
    "`from` and `to`": (lambda acme: asked(acme, to="2026-01-01", **{"from": "2026-01-02"}), (400, "query")),
    "a password and its person": (_password, (422, "field")),
    "a role and who gives it": (_role, (403, "role")),
    "an invitation and who accepts it": (_invitation, (403, "invitation")),
    "a new owner and the organisation": (_owner, (404, "not-found")),
    "a second factor for all and who wants it": (_factor, (403, "second-factor")),
    "`Idempotency-Key` and its body": (_idempotency, (422, "idempotency-key")),
    "`If-Match` and the settings": (_seen, (412, "changed")),
    "a saved view and what it asks": (_view, (422, "field")),
}


@pytest.mark.requirement("V2.2.3")
@pytest.mark.parametrize("what", MISFITS)
def test_what_does_not_fit_together_is_refused(what: str, acme: Tenant) -> None:
    ask, expected = MISFITS[what]
    assert ask(acme) == expected


@pytest.mark.requirement("V2.1.2")
def test_what_must_fit_together_is_documented() -> None:
    documented: list[Any] = rows(section(SECURITY, "What must fit together"))
    assert [what for what, _ in documented] == list(MISFITS)
    assert all(len(rule.split()) > 2 for _, rule in documented)


@pytest.mark.requirement("V4.3.1", "I9", "V15.2.2")
@pytest.mark.parametrize(
    "query",
    [
        "x" * (MAX_LENGTH + 1),
        " ".join(["a"] * (MAX_TERMS + 1)),
        "(" * (MAX_NESTING + 1) + "a" + ")" * (MAX_NESTING + 1),
    ],
    ids=["too long", "too many terms", "too deep"],
)
def test_a_question_that_costs_too_much_is_refused(query: str, acme: Tenant) -> None:
    assert asked(acme, q=query.replace(" ", "%20"))[0] == 400
