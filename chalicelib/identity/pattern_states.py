"""Patterns that somebody calls resolved, or open again: a change of the project, so a person's and in its audit log.

What a pattern is, and whether it came back since, `events` knows; here it is an id.
"""

from typing import Final

from chalicelib.identity.key_ring import check_project
from chalicelib.identity.membership import Authority, Member, actor, attest
from chalicelib.identity.names import checked_name
from chalicelib.identity.projects import Project
from chalicelib.ids import DAY_MS
from chalicelib.storage import audit
from chalicelib.storage.audit import Fact
from chalicelib.storage.changes import NONCE, Change, Condition, Fields, absent, commit, when
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

LONGEST_NOTE: Final = 300
KEPT_LONGER_MS: Final = 3 * DAY_MS


class PatternChanged(Exception):
    """Somebody else resolved or reopened the pattern between the look at it and the change."""

    def __init__(self) -> None:
        super().__init__("Somebody else changed this pattern just now: look at it again.")


def resolve(
    project: Project, pattern: str, *, by: Authority, note: str = "", now_ms: int, deadline: float | None = None
) -> None:
    """Calls the pattern of this id resolved from now on, also one that came back. The note is one line, or empty.

    Raises `NameRefused` for the note, `PatternChanged`, `ProjectGone`, `AuthorityLost` and `StoreUnavailable`.
    """
    place = _place(project, pattern)
    stored = item(*place, deadline=deadline)
    fields: dict[str, bytes | str | int] = {"d": now_ms, "t": _expires(project, now_ms)}
    if isinstance(by, Member):
        fields["u"] = by.user
    if note:
        fields["n"] = checked_name(note, "a note", longest=LONGEST_NOTE)
    change = _begun(project, by)
    change.put(*place, fields, _as_seen(stored))
    _record(change, project, pattern, stored, fields, by=by, action="pattern.resolve", now_ms=now_ms)
    commit(change, deadline=deadline)


def reopen(project: Project, pattern: str, *, by: Authority, now_ms: int, deadline: float | None = None) -> None:
    """Calls a resolved pattern open; one that is open stays as it is. Raises as `resolve` does."""
    place = _place(project, pattern)
    stored = item(*place, deadline=deadline)
    if stored is None:
        return
    change = _begun(project, by)
    change.delete(*place, _as_seen(stored))
    _record(change, project, pattern, stored, {}, by=by, action="pattern.reopen", now_ms=now_ms)
    commit(change, deadline=deadline)


def _begun(project: Project, by: Authority) -> Change:
    change = Change()
    attest(change, by)
    check_project(change, project.org, project.project)
    return change


def _record(
    change: Change, project: Project, pattern: str, stored: Item | None, fields: Fields, *, by: Authority, action: str,
    now_ms: int,
) -> None:  # fmt: skip
    was = str(stored["n"].text) if stored is not None and "n" in stored else ""
    audit.record(
        change, project.org, actor=actor(by), action=action, target=pattern, at=now_ms // 1000,
        before=_facts(project, resolved=stored is not None, note=was),
        after=_facts(project, resolved=bool(fields), note=str(fields.get("n", ""))),
    )  # fmt: skip


def _facts(project: Project, *, resolved: bool, note: str) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"project": project.project.hex(), "state": "resolved" if resolved else "open"}
    return facts | ({"note": note} if note else {})


def _as_seen(stored: Item | None) -> Condition:
    if stored is None:
        return absent(PatternChanged())
    return when(f"#{NONCE} = :seen", PatternChanged(), seen=stored[NONCE].binary)


def _place(project: Project, pattern: str) -> tuple[str, bytes, bytes]:
    partition = keys.index_partition(project.org, project.project)
    return keys.EVENTS, partition, keys.pattern_state_sort(bytes.fromhex(pattern))


def _expires(project: Project, now_ms: int) -> int:
    return (now_ms + project.retention_days * DAY_MS + KEPT_LONGER_MS) // 1000
