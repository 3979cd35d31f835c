"""Deletion over JSON: a project, an organisation, one's account; how far the erasure is, and the receipts.

The name is sent along, so that no program deletes something else than it means, and the password was given within the
last 30 minutes.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.identity import deletion
from chalicelib.identity.deletion import OnlyOwner, TooManyMemberships
from chalicelib.identity.permissions import Permission
from chalicelib.routes.account_problems import ACCOUNT_PROBLEMS
from chalicelib.routes.account_shapes import Done, Email
from chalicelib.routes.auth import REFUSED, signed_out
from chalicelib.routes.orgs import ORG, PROJECT, REFUSALS, Slug
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.storage import audit, erasures
from chalicelib.storage.erasures import QUIET_SECONDS, Kind, Subject
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import Problem, Problems
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

DELETE_REFUSALS: Final = (400, 401, 403, 404, 409, 429, 503)


class NotMeant(Exception):
    """Something else was named than the path leads to."""

    def __init__(self, field: str) -> None:
        super().__init__(f"`{field}` is not that of what would be deleted. Nothing was deleted.")


DELETION_PROBLEMS: Final[Problems] = {
    **ACCOUNT_PROBLEMS,
    **TENANT_PROBLEMS,
    NotMeant: Problem(409, "not-meant", "Something else was named"),
    OnlyOwner: Problem(409, "last-owner", "The last owner"),
    TooManyMemberships: Problem(409, "too-many", "Too many memberships"),
}

routes = Routes(__name__, DELETION_PROBLEMS)


class Meant(Struct, frozen=True, kw_only=True):
    """What is to be deleted."""

    slug: Annotated[Slug, Meta(description="The slug of what is to be deleted, as it is now.")]


class AccountDeletion(Struct, frozen=True, forbid_unknown_fields=True):
    """The address of the account, to mean it."""

    email: Email


class DeletionView(Struct, frozen=True):
    """Something that was deleted and is being erased. It ends in a receipt, not before `receipt_after`."""

    kind: Kind
    project: str | None
    asked_at: int
    passes: int
    removed: Mapping[str, int]
    receipt_after: int


class ReceiptView(Struct, frozen=True):
    """That something is gone for good; `before` is missing where all of it is."""

    kind: Kind
    project: str | None
    asked_at: int
    at: int
    before: int | None
    passes: int
    removed: Mapping[str, int]


class DeletionList(Struct, frozen=True):
    """What is being erased, and the newest receipts."""

    running: list[DeletionView]
    receipts: list[ReceiptView]


@routes.delete(
    PROJECT, permission=Permission.PROJECTS_DELETE, fresh=True, query=Meant, answers={202: DeletionView},
    refusals=DELETE_REFUSALS,
)  # fmt: skip
def delete_project(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes a project for good.

    It is gone from every answer at once, and its keys and connections with it. Then it is erased: `GET …/deletions`
    says how far that is, and has the receipt in the end.
    """
    project = principal.project
    _check_meant(parameters(request, Meant).slug, project.slug)
    deletion.delete_project(project, by=principal.member, now=request.now, deadline=request.deadline)
    return _asked(Subject("project", project.org, project.project), request)


@routes.delete(
    ORG, permission=Permission.ORG_DELETE, fresh=True, query=Meant, answers={202: DeletionView},
    refusals=DELETE_REFUSALS,
)  # fmt: skip
def delete_org(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes an organisation for good, with all its projects.

    All its members lose access at once. Their accounts stay.
    """
    org = principal.org
    _check_meant(parameters(request, Meant).slug, org.slug)
    deletion.delete_org(org, by=principal.member, now=request.now, deadline=request.deadline)
    return _asked(Subject("org", org.org), request)


@routes.post(
    "/api/auth/delete", permission=Permission.ACCOUNT_WRITE, fresh=True, body=AccountDeletion, answers={200: Done},
    refusals=(401, 403, 409, *REFUSED),
)  # fmt: skip
def delete_account(request: Request, principal: PersonPrincipal) -> Answer:
    """Deletes one's account for good.

    Refused (409) while one is the only owner of an organisation: it must be deleted or handed over first.
    """
    user = principal.session.user
    if bodies.json_body(request, AccountDeletion).email.strip().casefold() != user.email.casefold():
        raise NotMeant("email")
    deletion.delete_account(user, by=audit.person(user.user), now=request.now, deadline=request.deadline)
    return signed_out()


@routes.get(ORG + "/deletions", permission=Permission.AUDIT_READ, answers={200: DeletionList}, refusals=REFUSALS)
def list_deletions(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists what is being erased of an organisation, and the receipts of what is gone."""
    org = principal.org.org
    running = [
        _view(each.subject, each.asked_at, each.progress)
        for each in erasures.erasures_in(org, deadline=request.deadline)
    ]
    receipts = [_receipt(each) for each in erasures.receipts_of(org, deadline=request.deadline)]
    return responses.json(DeletionList(running, receipts))


def _asked(subject: Subject, request: Request) -> Answer:
    """What was asked for just now: no pass over it can have ended."""
    return responses.json(_view(subject, request.now, erasures.Progress()), status=202)


def _view(subject: Subject, asked_at: int, progress: erasures.Progress) -> DeletionView:
    return DeletionView(
        subject.kind, subject.project.hex() or None, asked_at * 1000, progress.passes, progress.removed,
        (asked_at + QUIET_SECONDS) * 1000,
    )  # fmt: skip


def _receipt(each: erasures.Receipt) -> ReceiptView:
    return ReceiptView(
        each.subject.kind, each.subject.project.hex() or None, each.asked_at * 1000, each.at * 1000, each.behind,
        each.passes, each.removed,
    )  # fmt: skip


def _check_meant(given: str, slug: str) -> None:
    if given != slug:
        raise NotMeant("slug")
