"""The scope in which jobs work on a project."""

from chalicelib.events.scope import Scope
from chalicelib.identity.projects import Project


def scope_of(project: Project) -> Scope:
    return Scope(project.org, project.project, project.retention_days, project.shards, project.kept_from)
