"""The first account of an empty deployment: what `make run` starts with."""

import time
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.identity import accounts
from chalicelib.identity.accounts import Owner
from chalicelib.identity.api_keys import KeyRefused, authenticated
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.passwords import random_password
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import org_by_slug

FIRST_ORG: Final = NewOrg("local", "Local")
FIRST_PROJECT: Final = "app"


def bootstrap(*, url: str, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The first account of an empty deployment, with organisation, project and both keys: what `ready.json` holds.

    An account that is `known` from before is kept, as long as its keys work.
    """
    where = {"url": url, "mcp_url": f"{url}/mcp"}
    if known is not None and _works(known["ingest_key"]) and _works(known["query_key"]):
        return {**known, **where}
    org = _free(FIRST_ORG)
    owner = Owner(f"owner@{org.slug}.example", "Owner", random_password())
    project = NewProject(FIRST_PROJECT, "App")
    created = accounts.create_project(org, project, now=int(time.time()), owner=owner)
    return {
        **where,
        "email": owner.email,
        "password": owner.password,
        "org": org.slug,
        "project": project.slug,
        "ingest_key": created.ingest_key.text,
        "query_key": created.query_key.text,
    }


def _works(key: str) -> bool:
    try:
        authenticated(key, now=int(time.time()))
    except KeyRefused:
        return False
    return True


def _free(org: NewOrg) -> NewOrg:
    """The organisation under a slug that nobody has: where its account was lost, its data is not given to the next."""
    number, slug = 1, org.slug
    while org_by_slug(slug) is not None:
        number += 1
        slug = f"{org.slug}-{number}"
    return NewOrg(slug, org.name)
