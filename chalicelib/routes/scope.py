"""From who is asking to whose events: the one place where a project that was proved becomes a scope."""

from chalicelib.events.scope import Scope
from chalicelib.web.guard import Principal


def scope_of(principal: Principal) -> Scope:
    project = principal.project
    return Scope(project.org, project.project, project.retention_days, project.shards, project.kept_from)
