"""Lists of saved views as they are stored: each is one item, that of a project and that of a member's own in it.

A change replaces the list as it was read, and is made again where somebody else was faster. So whatever holds of a
whole list, its length and that no two of its names are the same, holds under any race.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from chalicelib.identity.key_ring import check_project
from chalicelib.identity.membership import Member, actor, attest
from chalicelib.ids import OrgId, ProjectId, UserId, ViewId
from chalicelib.storage import audit
from chalicelib.storage.audit import Fact
from chalicelib.storage.changes import Change, Condition, Fields, Plain, absent, commit, when
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

Kind = Literal["own", "shared"]
KINDS: Final[tuple[Kind, ...]] = ("own", "shared")

Place = tuple[bytes, bytes]
"""Partition and sort key of a list."""

ATTEMPTS: Final = 20
"""Of those who change a list at once one succeeds each time: so many others may be in the way."""


class ViewsChanged(Exception):
    """Others changed the same list, or the same view, at the same moment."""

    def __init__(self) -> None:
        super().__init__("The view was changed at the same moment. Look at it again.")


class View(Struct, frozen=True, kw_only=True):
    """A saved view. Times are in seconds since the epoch; `version` grows with each change of it."""

    id: ViewId
    name: str
    state: str
    created_at: int
    changed_at: int
    version: int = 1
    user: UserId | None = None
    """Who made a shared one, while they are a member. Of one's own the list says it."""
    membership: bytes | None = None
    """By which they were one then."""


Listed = tuple[View, ...]
"""The views of a list, the oldest first."""


class ViewList(Struct, frozen=True):
    """A list as it was read. The version of one that is not there is 0."""

    place: Place
    views: Listed = ()
    version: int = 0
    membership: bytes | None = None
    """Of a member's own: by which they saved them."""

    def of(self, member: Member) -> Listed:
        """What the member sees of it. What an earlier membership saved does not come back with the next."""
        is_theirs = self.place[1] == keys.SHARED_VIEWS or self.membership == member.membership
        return self.views if is_theirs else ()


class Edit(Struct, frozen=True):
    """What is done to a list, and what the audit log says of it."""

    project: ProjectId
    kind: Kind
    action: str
    before: View | None
    after: View | None
    do: Callable[[Listed], Listed]
    """Raises what says that it cannot be done to this list."""


def place_of(org: OrgId, project: ProjectId, kind: Kind, user: UserId) -> Place:
    sort = keys.own_views_sort(user) if kind == "own" else keys.SHARED_VIEWS
    return keys.project_views_partition(org, project), sort


def list_of(place: Place, stored: Item | None) -> ViewList:
    if stored is None:
        return ViewList(place)
    return ViewList(
        place, tuple(_view(each) for each in stored["views"].L or ()), stored["version"].number,
        stored["membership"].binary if "membership" in stored else None,
    )  # fmt: skip


def carry_out(edit: Edit, *, by: Member, now: int, deadline: float | None) -> None:
    """Changes the list, and says so in the audit log where it is everybody's: both or neither.

    Raises what `edit.do` does, `ViewsChanged`, `ProjectGone`, `AuthorityLost` and `StoreUnavailable`.
    """
    place = place_of(by.org, edit.project, edit.kind, by.user)
    for _ in range(ATTEMPTS):
        found = list_of(place, item(keys.TENANTS, *place, deadline=deadline))
        change = Change()
        attest(change, by)
        check_project(change, by.org, edit.project)
        change.put(keys.TENANTS, *place, _fields(edit, edit.do(found.of(by)), found, by), _unchanged(found))
        if edit.kind == "shared":
            _record(change, edit, by=by, at=now)
        try:
            commit(change, deadline=deadline)
        except _Overtaken:
            continue
        return
    raise ViewsChanged


def add_deletion(change: Change, found: ViewList) -> None:
    """Adds the end of a whole list. Committing raises `ViewsChanged`."""
    change.delete(keys.TENANTS, *found.place, _as_seen(found, ViewsChanged()))


def add_views(change: Change, found: ViewList, views: Listed) -> None:
    """Adds that a list has these views instead. Committing raises `ViewsChanged`."""
    fields: Fields = {"views": [_stored(each) for each in views]}
    change.update(keys.TENANTS, *found.place, fields, _as_seen(found, ViewsChanged()), version=1)


class _Overtaken(Exception):
    """The list is not what was read any more."""


def _unchanged(found: ViewList) -> Condition:
    return _as_seen(found, _Overtaken()) if found.version else absent(_Overtaken())


def _as_seen(found: ViewList, otherwise: Exception) -> Condition:
    return when("#version = :seen", otherwise, seen=found.version)


def _fields(edit: Edit, views: Listed, found: ViewList, by: Member) -> Fields:
    whose: Fields = {"user": by.user, "membership": by.membership} if edit.kind == "own" else {}
    fields: Fields = {"org": by.org, "project": edit.project, "version": found.version + 1}
    return {**fields, **whose, "views": [_stored(each) for each in views]}


def _record(change: Change, edit: Edit, *, by: Member, at: int) -> None:
    one = edit.after or edit.before
    assert one is not None, "an edit is of a view"
    audit.record(
        change, by.org, actor=actor(by), action=edit.action, target=one.id.hex(), at=at,
        before=_known(edit.before, edit.project), after=_known(edit.after, edit.project),
    )  # fmt: skip


def _known(view: View | None, project: ProjectId) -> Mapping[str, Fact]:
    """What the audit log may say of it."""
    return {"name": view.name, "state": view.state, "project": project.hex()} if view else {}


def _stored(view: View) -> Mapping[str, Plain]:
    return {name: getattr(view, name) for name in View.__struct_fields__}


def _view(stored: Value) -> View:
    held = stored.M or {}
    return View(
        id=ViewId(held["id"].binary), name=held["name"].text, state=held["state"].text,
        created_at=held["created_at"].number, changed_at=held["changed_at"].number, version=held["version"].number,
        user=UserId(held["user"].binary) if "user" in held else None,
        membership=held["membership"].binary if "membership" in held else None,
    )  # fmt: skip
