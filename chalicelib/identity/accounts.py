"""What an operator sets up from a shell: an organisation, a project with both kinds of key, and perhaps its owner.

In one transaction, so that none is ever half there. (People who come by themselves sign up: `sign_up`.)
"""

from msgspec import Struct

from chalicelib.identity import key_ring, orgs, passwords, project_changes, users
from chalicelib.identity.api_keys import NewKey
from chalicelib.identity.membership import Operator
from chalicelib.identity.names import checked_name
from chalicelib.identity.orgs import Founded, NewOrg
from chalicelib.identity.plans import Plan
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import org_by_slug
from chalicelib.identity.slugs import SlugTaken, checked_slug
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage.audit import OPERATOR
from chalicelib.storage.changes import Change, commit


class Owner(Struct, frozen=True):
    """A person who is to own a new organisation. Their address is taken for confirmed."""

    email: str
    name: str
    password: str

    def __repr__(self) -> str:
        return "Owner(…)"


class Created(Struct, frozen=True):
    """A project that was just made, with the only copy of its keys."""

    org: OrgId
    project: ProjectId
    ingest_key: NewKey
    query_key: NewKey


def create_project(org: NewOrg, project: NewProject, *, now: int, owner: Owner | None = None) -> Created:
    """Creates a project and its two keys, and first its organisation if there is none of that slug; with an `owner`,
    whose organisation it then must be, the person too.

    All of it or nothing. Raises `SlugTaken`, `SlugRefused`, `NameRefused`, `WindowRefused`, `EmailTaken`,
    `EmailRefused`, `PasswordRefused` and what the store raises.
    """
    known = org_by_slug(checked_slug(org.slug))
    if known is not None and owner is not None:
        raise SlugTaken("organisation", org.slug)
    if known is None:
        change = Change()
        user = users.create(change, _user(owner), now=now).user if owner else None
        founded = orgs.add_org(change, org, owner=user, by=OPERATOR, at=now)
        return _created(change, founded, project, now=now)

    def attempt(plan: Plan) -> Created:
        change = Change()
        orgs.check_plan(change, known, plan)
        return _created(change, Founded(known, Operator(), plan), project, now=now)

    return project_changes.under_plan(known, attempt)


def _created(change: Change, org: Founded, project: NewProject, *, now: int) -> Created:
    made = project_changes.add_project(change, org.org, project, org.plan, by=OPERATOR, at=now)
    ingest, query = (
        key_ring.add_key(change, org.org, made, kind, by=org.by, label="first", at=now) for kind in ("ingest", "query")
    )
    commit(change)
    return Created(org.org, made, ingest, query)


def _user(owner: Owner) -> users.NewUser:
    encoded = passwords.hashed(owner.password)
    return users.NewUser(users.checked_email(owner.email), checked_name(owner.name), encoded, confirmed=True)
