"""Clients that strangers wrote, in their own processes, at the running product: from its bare address to the end.

401 -> metadata -> registration -> consent -> call -> eight calls at expiry -> refresh
    -> a stolen refresh token ends it for everybody -> consent -> call -> revocation ends it at once
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.clients.client import Client, ClientFailed, Kind, client
from tests.clients.conftest import World
from tests.clients.consent import Answer, Person, send
from tests.long_form import FULL

KINDS = [
    Kind("the first TypeScript SDK", "sdk-1.mjs"),
    Kind("the TypeScript SDK", "sdk-2.mjs", era="auto"),
    Kind("the first Python SDK", "sdk_1.py", packages="mcp-1"),
    Kind("the Python SDK", "sdk_2.py", packages="mcp-2", era="auto"),
    Kind("mcp-remote", "mcp-remote.mjs", era="legacy"),
    Kind("oauth4webapi", "oauth4webapi.mjs", can_revoke=True),
    Kind("openid-client", "openid-client.mjs", can_revoke=True),
    Kind("Authlib", "authlib_client.py", packages="authlib", can_revoke=True),
]
OTHER_ERAS = [
    Kind("the TypeScript SDK in its old era", "sdk-2.mjs", era="legacy"),
    Kind("the Python SDK in its old era", "sdk_2.py", packages="mcp-2", era="legacy"),
    Kind("mcp-remote in the new era", "mcp-remote.mjs", era="auto"),
]
TRIED = [*KINDS, *OTHER_ERAS] if FULL else KINDS

LEASE = 3545
"""Seconds after which a token is past what was advertised, and not yet past its hard end."""
HOUR = 3600


def named(kind: Kind) -> str:
    return kind.name.replace(" ", "-")


@pytest.fixture(params=TRIED, ids=named)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def person(world: World) -> Person:
    return world.somebody()


@pytest.fixture
def start(world: World, kind: Kind, person: Person, tmp_path: Path) -> Callable[[], AbstractContextManager[Client]]:
    """Starts the client, at whose side somebody sits who says yes. Started anew it finds the same folder."""
    return partial(client, kind, resource=world.resource, clock=world.clock, folder=tmp_path, answered=person.answered)


@pytest.fixture
def stranger(start: Callable[[], AbstractContextManager[Client]]) -> Iterator[Client]:
    with start() as connected:
        yield connected


def nobody(_url: str) -> None:
    """Who sits there no more."""


def ended(stranger: Client) -> bool:
    """Whether a call does not come through any more, and nobody is there to be asked again."""
    before = len(stranger.asked)
    stranger.answered = nobody
    with suppress(ClientFailed):
        return "ok" not in stranger.calls() or len(stranger.asked) > before
    return True


def token_request(world: World, **fields: str) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return send("POST", f"{world.running.url}/oauth/token", body=urlencode(fields), headers=headers)


@pytest.mark.requirement("O16", "O23", "S8")
def test_a_client_finds_everything_by_itself_and_survives_each_expiry(world, stranger):
    stranger.connect()
    assert stranger.calls() == ["ok"]
    [asked] = stranger.asked
    query = parse_qs(urlsplit(asked).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["resource"] == [world.resource]
    first = stranger.tokens()

    world.later(LEASE)
    assert stranger.calls(8) == ["ok"] * 8
    second = stranger.tokens()
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]

    world.later(2 * HOUR)
    assert stranger.calls() == ["ok"]
    assert stranger.tokens()["refresh_token"] != second["refresh_token"]
    assert stranger.asked == [asked]


@pytest.mark.requirement("O15", "S9")
def test_a_refresh_token_that_comes_twice_ends_the_connection_for_everybody(world, start):
    with start() as stranger:
        stranger.connect()
        assert stranger.calls() == ["ok"]
        stolen = stranger.tokens()
        world.later(HOUR)
        assert stranger.calls() == ["ok"]
        replayed = token_request(
            world, grant_type="refresh_token", refresh_token=stolen["refresh_token"], client_id=stolen["client_id"]
        )
        assert (replayed.status, replayed.json["error"]) == (400, "invalid_grant")
        assert ended(stranger)
    with start() as again:
        again.connect()
        assert again.calls() == ["ok"]
        assert len(again.asked) == 1


@pytest.mark.requirement("O19", "S10")
def test_a_connection_that_is_revoked_ends_with_the_next_request(world, kind, stranger, person):
    stranger.connect()
    assert stranger.calls() == ["ok"]
    if kind.can_revoke:
        stranger.revoke()
    else:
        for connection in person.asks("GET", world.connections).json["data"]:
            revoked = person.asks("DELETE", f"{world.connections}/{connection['id']}")
            assert revoked.status in (200, 204), revoked.text
    assert ended(stranger)


@pytest.mark.requirement("O17")
@pytest.mark.parametrize("kind", TRIED if FULL else KINDS[2:4], ids=named, indirect=True)
def test_with_a_replay_window_eight_calls_at_once_survive_a_long_pause_too(lenient, kind, tmp_path):
    """Without one they do not, where a client refreshes for each call: the lease helps only who was at work."""
    person = lenient.somebody()
    with client(
        kind, resource=lenient.resource, clock=lenient.clock, folder=tmp_path, answered=person.answered
    ) as stranger:
        stranger.connect()
        assert stranger.calls() == ["ok"]
        lenient.later(2 * HOUR)
        assert stranger.calls(8) == ["ok"] * 8
        assert len(stranger.asked) == 1
