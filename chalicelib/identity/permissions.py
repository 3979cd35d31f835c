"""What somebody may do: one list of permissions, and one table of who has which.

Every route declares exactly one permission. Whoever asks has a set of them: a key by its kind, a person by being signed
in and by their role in the organisation that the URL names. `GRANTS` and `MAY` are all there is to know about that.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

KeyKind = Literal["ingest", "query"]


class Permission(StrEnum):
    """`PUBLIC` is what everybody may do, also who does not say who they are."""

    PUBLIC = "public"

    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"

    DEPLOYS_WRITE = "deploys:write"
    """Say that something was deployed: for people, and for the programs that deploy."""
    DEPLOYS_DELETE = "deploys:delete"
    """Take that back."""

    PATTERNS_WRITE = "patterns:write"
    """Call patterns of messages resolved, and open again."""

    ACCOUNT_READ = "account:read"
    """One's own account and nothing else: what everybody has who is signed in."""
    ACCOUNT_WRITE = "account:write"

    ORG_READ = "org:read"
    """The organisation's name, its projects with the views saved there, and one's own role."""
    ORG_LEAVE = "org:leave"
    ORG_WRITE = "org:write"
    """Rename it, and what its members must do (a second factor)."""
    OWNERSHIP_WRITE = "ownership:write"
    """Hand the organisation to somebody else."""
    ORG_DELETE = "org:delete"

    PROJECTS_WRITE = "projects:write"
    """Create projects, rename them, change their settings."""
    PROJECTS_DELETE = "projects:delete"

    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    """Invite, change roles, remove: within what `roles` allows one role to do to another."""

    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"

    GRANTS_WRITE = "grants:write"
    """Let apps into a project, and end the connections that one allowed. Ending another's needs `keys:write` too."""

    VIEWS_WRITE = "views:write"
    """Save views of a project, for oneself or for all. Changing one that another shared needs `projects:write` too."""

    AUDIT_READ = "audit:read"


class Role(StrEnum):
    """What a member is in an organisation. Each later one has all that the ones before have."""

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


READS: Final = frozenset(
    {
        Permission.PUBLIC,
        Permission.EVENTS_READ,
        Permission.ACCOUNT_READ,
        Permission.ORG_READ,
        Permission.MEMBERS_READ,
        Permission.KEYS_READ,
        Permission.AUDIT_READ,
    }
)
"""Permissions that change nothing, the only ones a GET may declare."""

SIGNED_IN: Final = frozenset({Permission.PUBLIC, Permission.ACCOUNT_READ, Permission.ACCOUNT_WRITE})
"""What every person may do who is signed in, whatever they are a member of."""

_MEMBER: Final = SIGNED_IN | {
    Permission.EVENTS_READ,
    Permission.ORG_READ,
    Permission.ORG_LEAVE,
    Permission.MEMBERS_READ,
    Permission.KEYS_READ,
    Permission.GRANTS_WRITE,
    Permission.VIEWS_WRITE,
    Permission.DEPLOYS_WRITE,
    Permission.DEPLOYS_DELETE,
    Permission.PATTERNS_WRITE,
}
_ADMIN: Final = _MEMBER | {
    Permission.ORG_WRITE,
    Permission.PROJECTS_WRITE,
    Permission.MEMBERS_WRITE,
    Permission.KEYS_WRITE,
    Permission.AUDIT_READ,
}
_OWNER: Final = _ADMIN | {Permission.OWNERSHIP_WRITE, Permission.PROJECTS_DELETE, Permission.ORG_DELETE}

GRANTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.MEMBER: _MEMBER,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _OWNER,
}
"""By role, in the organisation where somebody has it. People send no events: that is what ingest keys are for."""

MAY: Final[Mapping[KeyKind, frozenset[Permission]]] = {
    "ingest": frozenset({Permission.PUBLIC, Permission.EVENTS_WRITE, Permission.DEPLOYS_WRITE}),
    "query": frozenset({Permission.PUBLIC, Permission.EVENTS_READ}),
}
"""By kind of key, in the key's project."""

BY_SCOPE: Final[Mapping[str, frozenset[Permission]]] = {
    "events:read": frozenset({Permission.PUBLIC, Permission.EVENTS_READ}),
}
"""By scope of a connection's token, in the one project that it is for. No scope changes anything (S5)."""
