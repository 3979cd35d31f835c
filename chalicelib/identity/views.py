"""Saved views: what the explorer was asked, under a name, kept by somebody for themselves or for all members.

    one's own   for the membership by which they were saved; they end with it, and with the project
    shared      changed by who made them, as long as that membership lasts, and by who may change the project

What a view asks (`state`) is the query part of the explorer's address. Whoever saves one has made sure that it reads.
"""

import secrets
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity.membership import Member
from chalicelib.identity.names import checked_name
from chalicelib.identity.permissions import GRANTS, Permission
from chalicelib.identity.projects import projects_of
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.view_lists import (
    KINDS,
    Edit,
    Kind,
    Listed,
    View,
    ViewList,
    ViewsChanged,
    add_deletion,
    add_views,
    carry_out,
    list_of,
    place_of,
)
from chalicelib.ids import OrgId, ProjectId, UserId, ViewId
from chalicelib.storage.changes import Change
from chalicelib.storage.items import items, several
from chalicelib.storage.tables import keys

__all__ = ["KINDS", "Kind", "View", "ViewsChanged"]

MOST: Final[Mapping[Kind, int]] = {"own": 50, "shared": 100}
"""Views in a list. With the lengths below the longest list has 250 KB, and an item may have 400."""
LONGEST_NAME: Final = 80
LONGEST_STATE: Final = 2_000
"""Characters, all of them ASCII."""
ID_BYTES: Final = 8


class ViewUnknown(Exception):
    """There is no such view, or not any more, or it is somebody else's own."""

    def __init__(self) -> None:
        super().__init__("The view is not there any more.")


class ViewNameTaken(Exception):
    """The list has a view of that name, in whatever case."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a view called “{name}” already. Take another name, or change that one.")
        self.name = name


class TooManyViews(Exception):
    """The list is full."""

    def __init__(self, kind: Kind) -> None:
        whose = "of their own in a project" if kind == "own" else "for everyone in a project"
        super().__init__(f"There are at most {MOST[kind]} views {whose}. Delete one that is not needed.")


class Views(Struct, frozen=True):
    """What somebody sees of a project's views, by name."""

    own: Listed = ()
    shared: Listed = ()

    def of_kind(self, kind: Kind) -> Listed:
        return self.own if kind == "own" else self.shared

    def named(self, view: ViewId) -> tuple[Kind, View]:
        """Raises `ViewUnknown`."""
        for kind in KINDS:
            for each in self.of_kind(kind):
                if each.id == view:
                    return kind, each
        raise ViewUnknown


class NewView(Struct, frozen=True):
    """What a view is to be."""

    name: str
    state: str


class Leftover(Struct, frozen=True):
    """A list that somebody's removal changes: their own, which goes, or a shared one that names them as a maker."""

    kind: Kind
    theirs: Listed
    found: ViewList


def views_of(member: Member, project: ProjectId, *, deadline: float | None = None) -> Views:
    """The views that a member sees in a project. Raises `StoreUnavailable`."""
    own, shared = (place_of(member.org, project, kind, member.user) for kind in KINDS)
    stored = several(keys.TENANTS, [own, shared], deadline=deadline)
    return Views(*(_by_name(list_of(place, stored.get(place)).of(member)) for place in (own, shared)))


def may_change(kind: Kind, view: View, by: Member) -> bool:
    """Whether a member may change or delete a view that they see."""
    return kind == "own" or view.membership == by.membership or Permission.PROJECTS_WRITE in GRANTS[by.role]


def save_view(
    project: ProjectId, kind: Kind, new: NewView, *, by: Member, now: int, deadline: float | None = None
) -> View:
    """A new view.

    Raises `NameRefused`, `ViewNameTaken`, `TooManyViews`, `ViewsChanged`, `ProjectGone`, `AuthorityLost` and
    `StoreUnavailable`.
    """
    view = View(
        id=ViewId(secrets.token_bytes(ID_BYTES)), name=_checked(new.name), state=new.state, created_at=now,
        changed_at=now,
    )  # fmt: skip
    if kind == "shared":
        view = replace(view, user=by.user, membership=by.membership)

    def added(found: Listed) -> Listed:
        if len(found) >= MOST[kind]:
            raise TooManyViews(kind)
        _check_free(view, found)
        return (*found, view)

    carry_out(Edit(project, kind, "view.create", None, view, added), by=by, now=now, deadline=deadline)
    return view


def edit_view(
    project: ProjectId, kind: Kind, view: View, new: NewView, *, by: Member, now: int, deadline: float | None = None
) -> View:
    """Gives the view, as it was seen, this name and this question.

    Raises `RoleRefused`, `ViewUnknown`, and else as `save_view` does.
    """
    _check_right(kind, view, by)
    changed = replace(view, name=_checked(new.name), state=new.state, changed_at=now, version=view.version + 1)
    if (changed.name, changed.state) == (view.name, view.state):
        return view

    def edited(found: Listed) -> Listed:
        _check_seen(view, found)
        _check_free(changed, found)
        return tuple(changed if each.id == view.id else each for each in found)

    carry_out(Edit(project, kind, "view.change", view, changed, edited), by=by, now=now, deadline=deadline)
    return changed


def delete_view(
    project: ProjectId, kind: Kind, view: View, *, by: Member, now: int, deadline: float | None = None
) -> None:
    """Ends the view, as it was seen.

    Raises `RoleRefused`, `ViewUnknown`, `ViewsChanged`, `ProjectGone`, `AuthorityLost` and `StoreUnavailable`.
    """
    _check_right(kind, view, by)

    def without(found: Listed) -> Listed:
        _check_seen(view, found)
        return tuple(each for each in found if each.id != view.id)

    carry_out(Edit(project, kind, "view.delete", view, None, without), by=by, now=now, deadline=deadline)


def views_in(org: OrgId, project: ProjectId, *, deadline: float | None = None) -> int:
    """How many views are saved in a project, by all its members together. Raises `StoreUnavailable`."""
    lists = items(keys.TENANTS, keys.project_views_partition(org, project), deadline=deadline)
    return sum(len(row["views"].L or ()) for row in lists)


def views_left_by(org: OrgId, user: UserId, *, deadline: float | None = None) -> list[Leftover]:
    """What somebody's removal changes of the views in all of an organisation's projects. Raises `StoreUnavailable`."""
    places = [(kind, place_of(org, each.project, kind, user)) for each in projects_of(org) for kind in KINDS]
    stored = several(keys.TENANTS, list(dict.fromkeys(place for _, place in places)), deadline=deadline)
    found = ((kind, list_of(place, stored[place])) for kind, place in places if place in stored)
    left = (Leftover(kind, _theirs(kind, each, user), each) for kind, each in found)
    return [each for each in left if each.kind == "own" or each.theirs]


def add_removal(change: Change, left: Leftover) -> None:
    """Adds that a list of their own is gone, or that a shared one does not name them any more: what they shared stays,
    for who may change the project. Committing raises `ViewsChanged`."""
    if left.kind == "own":
        add_deletion(change, left.found)
        return
    views = left.found.views
    add_views(change, left.found, tuple(_nobodys(each) if each in left.theirs else each for each in views))


def _nobodys(view: View) -> View:
    return replace(view, user=None, membership=None)


def _theirs(kind: Kind, found: ViewList, user: UserId) -> Listed:
    return found.views if kind == "own" else tuple(each for each in found.views if each.user == user)


def _check_right(kind: Kind, view: View, by: Member) -> None:
    if not may_change(kind, view, by):
        raise RoleRefused(by.role, "change a view that somebody else made for everyone")


def _check_seen(view: View, found: Listed) -> None:
    now = next((each for each in found if each.id == view.id), None)
    if now is None:
        raise ViewUnknown
    if now.version != view.version:
        raise ViewsChanged


def _check_free(view: View, found: Listed) -> None:
    for each in found:
        if each.id != view.id and each.name.casefold() == view.name.casefold():
            raise ViewNameTaken(each.name)


def _checked(name: str) -> str:
    return checked_name(name, "a name", longest=LONGEST_NAME)


def _by_name(views: Listed) -> Listed:
    return tuple(sorted(views, key=lambda view: (view.name.casefold(), view.id)))
