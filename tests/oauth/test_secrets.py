"""A whole life of codes, tokens and keys, and then a search for each of them in all that is stored and logged."""

import logging
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator

import pytest

from chalicelib.identity import grants, key_ring
from chalicelib.identity.api_keys import KEY
from tests.api.client import Client, Response
from tests.oauth.asking import HERE, VERIFIER, asks, decides, told, wanted
from tests.permissions.cast import Somebody, Tenant, holder, now, signed_in
from tests.tenancy.world import everything

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def token(**fields: str) -> Response:
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return Client().post("/oauth/token", body.encode(), headers=FORM)


def code_of(owner: Somebody) -> str:
    page = asks(owner, wanted(resource="http://127.0.0.1:8000/mcp/acme/shop"))
    return told(decides(owner, page))["code"]


def redeemed(code: str, verifier: str = VERIFIER) -> Response:
    return token(
        grant_type="authorization_code", code=code, client_id="scry", redirect_uri=HERE, code_verifier=verifier
    )


def refreshed(text: str, client: str = "scry") -> Response:
    return token(grant_type="refresh_token", refresh_token=text, client_id=client)


def a_whole_life(acme: Tenant) -> Iterator[str]:
    """Everything that may happen to tokens and keys; answers every secret that was ever given away."""
    owner = signed_in("owner", acme.owner)
    unspent, spent, stolen = code_of(owner), code_of(owner), code_of(owner)
    yield from (unspent, spent, stolen, VERIFIER, owner.binding)

    first = redeemed(spent).json
    yield from (first["access_token"], first["refresh_token"])
    second = refreshed(first["refresh_token"]).json
    yield from (second["access_token"], second["refresh_token"])
    app = holder("app", second["access_token"])
    assert app.send("GET", acme.logs).status == 200
    assert app.send("GET", f"{acme.logs}?q=((").status == 400
    assert app.send("GET", "/api/orgs/acme/members").status == 403
    assert holder("nobody", second["refresh_token"]).send("GET", acme.logs).status == 401
    assert holder("nobody", unspent).send("GET", acme.logs).status == 401
    assert redeemed(unspent, verifier="w" * 43).status == 400
    assert refreshed(second["refresh_token"], client="nobody").status == 401
    assert refreshed(first["refresh_token"]).status == 400  # theft

    third = redeemed(stolen).json
    yield from (third["access_token"], third["refresh_token"])
    assert redeemed(stolen).status == 400  # theft
    fourth = redeemed(code_of(owner)).json
    yield from (fourth["access_token"], fourth["refresh_token"])
    revoked = f"token={fourth['access_token']}&client_id=scry"
    assert Client().post("/oauth/revoke", revoked.encode(), headers=FORM).status == 200
    fifth = redeemed(code_of(owner)).json
    yield from (fifth["access_token"], fifth["refresh_token"])

    by = acme.membership(acme.owner)
    for kind in ("ingest", "query"):
        key = key_ring.create_key(acme.org, acme.project, kind, by=by, label="a label", now=now())
        listed = key_ring.key_by_id(key.key_id)
        rotated = key_ring.rotate_key(listed, by=by, overlap_seconds=60, now=now())
        holder("key", key.text).send("GET", acme.logs)
        yield from (key.text, rotated.text)


def needles(secret: str) -> Iterator[str]:
    """All forms in which a part of it could stand somewhere that gives it away."""
    forms = [secret.encode()]
    if secret.startswith(("scry_at_", "scry_ac_", "scry_rt_")):
        raw = urlsafe_b64decode(secret[8:] + "=" * (-len(secret[8:]) % 4))
        forms += [secret[8:].encode(), raw, raw[-32:], raw[-32:-16], raw[-16:]]
    elif form := KEY.fullmatch(secret):
        forms.append(form["secret"].encode())
    for form in forms:
        yield form.hex()
        yield b64encode(form).decode().rstrip("=")
        yield urlsafe_b64encode(form).decode().rstrip("=")
        if form.isascii():
            yield form.decode()


@pytest.mark.requirement("S11", "I10", "V14.2.4")
def test_no_secret_that_was_ever_given_away_stands_in_a_table_or_a_line_of_the_log(
    acme: Tenant, caplog: pytest.LogCaptureFixture
):
    for name in ("chalicelib", "scrywatch"):
        caplog.set_level(logging.DEBUG, name)
    issued = list(a_whole_life(acme))
    assert len(issued) == len(set(issued)) == 19
    tables, logged = "\n".join(everything()), caplog.text
    assert "grant.create" in tables
    assert '"problem": "oauth"' in logged
    for secret in issued:
        for needle in needles(secret):
            assert needle not in tables, f"{secret[:8]}… is stored"
            assert needle not in logged, f"{secret[:8]}… is logged"


@pytest.mark.requirement("S11")
def test_the_search_would_find_what_is_stored_by_mistake(acme: Tenant):
    """What is stored of a refresh token beside its hash, its salt, is part of its text and found by its bytes."""
    held = acme.connection
    raw = urlsafe_b64decode(held.refresh_token[8:] + "==")
    found = grants.family_by_id(grants.GrantId(raw[:12]), now=now())
    assert found is not None
    assert found.salt == raw[16:32]
    assert raw[16:32].hex() in "\n".join(everything())
