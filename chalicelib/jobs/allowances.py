"""Telling a project's owners and admins by mail that its daily allowance runs out: from four fifths on, once a day."""

from chalicelib.events.scope import Scope
from chalicelib.events.store.allowances import Standing, standing_of
from chalicelib.identity import letters, warnings
from chalicelib.identity.projects import Project
from chalicelib.ids import DAY_MS


def warn(project: Project, scope: Scope, *, now_ms: int, deadline: float) -> bool:
    """Whether somebody was told now. Where no letter leaves, the next run tries again. Raises `StoreUnavailable`.

    A run that ends between claiming and writing tells nobody that day; the pages do.
    """
    day = now_ms // DAY_MS
    if project.events_a_day is None or not letters.can_send() or (project.warned_on or 0) >= day:
        return False
    standing = standing_of(scope, project.events_a_day, now_ms=now_ms, deadline=deadline)
    if standing is None or not standing.warns:
        return False
    claim = warnings.claimed(project, day, deadline=deadline)
    if claim is None:
        return False
    told = _told(project, standing, now_ms=now_ms, deadline=deadline)
    if not told:
        warnings.give_back(claim, deadline=deadline)
    return told > 0


def _told(project: Project, standing: Standing, *, now_ms: int, deadline: float) -> int:
    """How many letters left."""
    org = warnings.slug_of_org(project.org, deadline=deadline)
    if org is None:
        return 0
    path = f"/orgs/{org}/projects/{project.slug}/usage"
    return sum(
        letters.notify(
            letters.allowance_runs_out(
                to, project.name, path, used=standing.used, allowance=standing.allowance, refused=standing.refused_from
            ),
            now=now_ms // 1000,
        )
        for to in warnings.addresses(project.org, deadline=deadline)
    )
