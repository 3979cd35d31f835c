"""Where a page is: the paths of organisations and projects, and the way back up from them."""

from chalicelib.routes.pages.views.start import Link
from chalicelib.web.guard import PersonPrincipal


def org_path(principal: PersonPrincipal) -> str:
    return f"/orgs/{principal.org.slug}"


def project_path(principal: PersonPrincipal) -> str:
    return f"{org_path(principal)}/projects/{principal.project.slug}"


def at_org(principal: PersonPrincipal) -> tuple[Link, ...]:
    return ((principal.org.name, org_path(principal)),)


def at_project(principal: PersonPrincipal) -> tuple[Link, ...]:
    return (*at_org(principal), (principal.project.name, project_path(principal)))
