"""Who may make whom what. Tables of data, and questions to them.

What a role may do with everything but people stands in `permissions.GRANTS`.
"""

from collections.abc import Mapping
from typing import Final

from chalicelib.identity.permissions import Role

OVER: Final[Mapping[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER}),
    Role.ADMIN: frozenset({Role.ADMIN, Role.MEMBER}),
    Role.MEMBER: frozenset(),
}
"""The roles that somebody of a role may give to others, and take from them. Owners are made and unmade by owners."""

LOWER: Final[Mapping[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset({Role.ADMIN, Role.MEMBER}),
    Role.ADMIN: frozenset({Role.MEMBER}),
    Role.MEMBER: frozenset(),
}
"""The roles that somebody may step down to. Nobody raises their own."""


class RoleRefused(Exception):
    """Somebody's role does not reach that far."""

    def __init__(self, by: Role, wanted: str) -> None:
        super().__init__(f"{_a(by)} may not {wanted}.".capitalize())
        self.by = by


def check_giving(by: Role, role: Role) -> None:
    """Raises `RoleRefused` unless somebody of the one role may give the other, in an invitation say."""
    if role not in OVER[by]:
        raise RoleRefused(by, f"make anybody {_a(role)}")


def check_changing(by: Role, *, was: Role, to: Role) -> None:
    """Raises `RoleRefused` unless somebody may make of somebody else, who is one thing, the other."""
    if not {was, to} <= OVER[by]:
        raise RoleRefused(by, f"make {_a(was)} {_a(to)}")


def check_stepping_down(was: Role, to: Role) -> None:
    """Raises `RoleRefused` unless somebody may make that of themselves."""
    if to not in LOWER[was]:
        raise RoleRefused(was, f"make themselves {_a(to)}")


def check_removing(by: Role, was: Role) -> None:
    """Raises `RoleRefused` unless somebody may remove somebody else, who is that. Everybody may leave."""
    if was not in OVER[by]:
        raise RoleRefused(by, f"remove {_a(was)}")


def _a(role: Role) -> str:
    return f"a {role}" if role is Role.MEMBER else f"an {role}"
