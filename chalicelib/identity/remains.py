"""What is left of something that was deleted, found from a list and deleted: first what an entry leads to, then itself.

So whatever is interrupted is found again by the same list. Each of these yields what it deletes, as it goes.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from chalicelib.ids import GrantId, OrgId, ProjectId, UserId
from chalicelib.storage.items import Item, item, walked
from chalicelib.storage.tables import keys
from chalicelib.storage.writes import delete_all

Removed = Iterator[tuple[str, int]]
"""Kinds of items, and how many of each are gone, piece by piece."""

Place = tuple[str, bytes, bytes]
"""Table, partition and sort key."""

AT_ONCE: Final = 100


def anything(_: Item) -> bool:
    return True


def nothing(_: Item) -> list[Place]:
    return []


def followed(
    kind: str,
    table: str,
    partition: bytes,
    prefix: bytes = b"",
    *,
    leads: Callable[[Item], list[Place]] = nothing,
    only: Callable[[Item], bool] = anything,
    deadline: float,
) -> Removed:
    """Deletes the entries of a partition whose sort keys begin so, each after what it leads to."""
    entries = filter(only, walked(table, partition, prefix, deadline=deadline))
    while chunk := list(islice(entries, AT_ONCE)):
        _delete((place for entry in chunk for place in leads(entry)), deadline=deadline)
        yield kind, delete_all(table, ((row["p"].binary, row["s"].binary) for row in chunk), deadline=deadline)


def keys_in(org: OrgId, project: ProjectId | None = None, *, deadline: float) -> Removed:
    """The keys of a project, or of all."""

    def leads(entry: Item) -> list[Place]:
        return [(keys.KEYS, keys.key_partition(entry["key_id"].text), keys.ONLY)]

    prefix = keys.project_key_sort(project) if project else b""
    yield from followed("keys", keys.KEYS, keys.org_keys_partition(org), prefix, leads=leads, deadline=deadline)


def connections_in(*lists: bytes, deadline: float) -> Removed:
    """Those that lists of connections lead to, ended ones too, with all that they made."""
    for partition in lists:
        for entry in walked(keys.GRANTS, partition, deadline=deadline):
            grant = GrantId(entry["grant"].binary)
            yield from followed("calls", keys.GRANTS, keys.activity_partition(grant), deadline=deadline)
            yield from _tokens_of(grant, deadline=deadline)
            _delete(_led(grant, entry, deadline=deadline), deadline=deadline)
            yield "connections", delete_all(keys.GRANTS, [(partition, entry["s"].binary)], deadline=deadline)


def codes_in(partition: bytes, *, deadline: float) -> Removed:
    """The codes that a list leads to, which nobody redeemed."""

    def leads(entry: Item) -> list[Place]:
        code = entry["code"].binary
        org, project, user = _whose(entry)
        twins = keys.project_codes_partition(org, project), keys.person_codes_partition(user)
        others = [(keys.TOKENS, twin, keys.listed_code_sort(code)) for twin in twins if twin != partition]
        return [(keys.TOKENS, keys.code_partition(code), keys.ONLY), *others]

    yield from followed("codes", keys.TOKENS, partition, leads=leads, deadline=deadline)


def _tokens_of(grant: GrantId, *, deadline: float) -> Removed:
    def leads(entry: Item) -> list[Place]:
        return [(keys.TOKENS, keys.access_token_partition(entry["token"].binary), keys.ONLY)]

    partition = keys.grant_tokens_partition(grant)
    yield from followed("tokens", keys.TOKENS, partition, leads=leads, deadline=deadline)


def _led(grant: GrantId, entry: Item, *, deadline: float) -> list[Place]:
    """All items of a connection but its calls, its tokens, and the entry by which it was found."""
    by_id = keys.grant_partition(grant), keys.ONLY
    # A twin says nothing but the grant, and before there were trails it was all that there was.
    known = entry if "user" in entry else item(keys.GRANTS, *by_id, deadline=deadline)
    if known is None:
        return []
    org, project, user = _whose(known)
    trail = keys.trail_sort(grant)
    places = [
        by_id,
        (keys.project_grants_partition(org, project), keys.project_grant_sort(grant)),
        (keys.person_grants_partition(user), keys.person_grant_sort(org, project, grant)),
        (keys.project_trail_partition(org, project), trail),
        (keys.person_trail_partition(user), trail),
    ]
    found = entry["p"].binary, entry["s"].binary
    code = keys.TOKENS, keys.code_partition(known["code"].binary), keys.ONLY
    return [code, *((keys.GRANTS, *place) for place in places if place != found)]


def _whose(entry: Item) -> tuple[OrgId, ProjectId, UserId]:
    return OrgId(entry["org"].binary), ProjectId(entry["project"].binary), UserId(entry["user"].binary)


def _delete(places: Iterable[Place], *, deadline: float) -> None:
    by_table: dict[str, dict[tuple[bytes, bytes], None]] = {}
    for table, partition, sort in places:  # a batch may name each item once
        by_table.setdefault(table, {})[partition, sort] = None
    for table, found in by_table.items():
        delete_all(table, found, deadline=deadline)
