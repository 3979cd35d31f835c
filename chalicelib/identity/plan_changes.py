"""Plans given to organisations, and carried over to their projects.

    set_plan        organisation: plan      project a: copy, window      project b ... (further transactions, if many)
    create_project  project: copy, IF the organisation still has that plan

A project that is made meanwhile has the old plan only if it was made before the organisation got the new one; then it
is among the projects that are read after that. Where a run is cut short, the next one carries over what is left.

A window that is what the old plan gave follows to what the new one gives. One that was chosen shorter stays, as far as
the new plan reaches.
"""

from typing import Final

from msgspec import Struct

from chalicelib.identity.membership import Operator, actor
from chalicelib.identity.orgs import Org, OrgGone, SettingsChanged, org_by_id
from chalicelib.identity.plans import Plan, fields_of_org, fields_of_project, longest
from chalicelib.identity.project_changes import add_window
from chalicelib.identity.projects import ACTIVE, Project, projects_of
from chalicelib.ids import OrgId
from chalicelib.storage import audit
from chalicelib.storage.audit import Fact
from chalicelib.storage.changes import Change, commit, when
from chalicelib.storage.tables import keys

AT_ONCE: Final = 30
"""Projects of one transaction, each with its entry in the audit log and what becomes of its events."""
ATTEMPTS: Final = 20
"""How often somebody else may change a project or the organisation while its plan is carried over."""


class Move(Struct, frozen=True):
    """A project whose window another plan would change, and to how many days."""

    project: Project
    days: int

    @property
    def shortens(self) -> bool:
        return self.days < self.project.retention_days


def moves(org: OrgId, plan: Plan) -> list[Move]:
    """What the plan would change of the windows of the organisation's projects. Raises `StoreUnavailable`."""
    found = (Move(project, _window_under(plan, project)) for project in projects_of(org))
    return [move for move in found if move.days != move.project.retention_days]


def set_plan(org: OrgId, plan: Plan, *, now: int) -> None:
    """Gives the organisation the plan, and carries it over to all of its projects. To be done again where it is cut
    short.

    Raises `OrgGone`, `SettingsChanged` (others changed the same over and over) and `StoreUnavailable`.
    """
    met = 0
    while True:
        known = org_by_id(org)
        if known is None:
            raise OrgGone
        behind = [project for project in projects_of(org) if _is_behind(project, plan)]
        if known.plan == plan and not behind:
            return
        try:
            _carry_over(known, plan, behind[:AT_ONCE], now=now)
        except SettingsChanged:
            met += 1
            if met == ATTEMPTS:
                raise


def _carry_over(org: Org, plan: Plan, projects: list[Project], *, now: int) -> None:
    change = Change()
    if org.plan != plan:
        seen = when("#state = :active AND #version = :seen", SettingsChanged(), active=ACTIVE, seen=org.version)
        change.update(keys.TENANTS, keys.org_partition(org.org), keys.ORG, fields_of_org(plan), seen, version=1)
        audit.record(
            change, org.org, actor=actor(Operator()), action="org.plan", target=org.org.hex(), at=now,
            before=_facts(org.plan), after=_facts(plan),
        )  # fmt: skip
    for project in projects:
        _move(change, project, plan, now=now)
    commit(change)


def _move(change: Change, project: Project, plan: Plan, *, now: int) -> None:
    days = _window_under(plan, project)
    seen = when("#state = :active AND #version = :seen", SettingsChanged(), active=ACTIVE, seen=project.version)
    of_window = add_window(change, project, days, by=actor(Operator()), now=now)
    fields = {**fields_of_project(plan), "retention_days": days, **of_window}
    place = keys.org_partition(project.org), keys.project_sort(project.project)
    change.update(keys.TENANTS, *place, fields, seen, version=1)
    if days != project.retention_days:
        audit.record(
            change, project.org, actor=actor(Operator()), action="project.edit", target=project.project.hex(), at=now,
            before={"retention_days": project.retention_days}, after={"retention_days": days},
        )  # fmt: skip


def _is_behind(project: Project, plan: Plan) -> bool:
    return (project.plan_days, project.events_a_day) != (plan.plan_days, plan.events_a_day)


def _window_under(plan: Plan, project: Project) -> int:
    if not _is_behind(project, plan):
        return project.retention_days
    follows = project.retention_days == longest(project.plan_days)
    return plan.retention_days if follows else min(project.retention_days, plan.retention_days)


def _facts(plan: Plan) -> dict[str, Fact]:
    return {"plan": plan.name, "retention_days": plan.retention_days, "events_a_day": plan.events_a_day}
