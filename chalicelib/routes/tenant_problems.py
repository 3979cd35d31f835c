"""What the exceptions of organisations, members, invitations, projects and keys are to a client."""

from typing import Final

from chalicelib.identity.grants import GrantUnknown
from chalicelib.identity.invitations import InvitationGone, InvitedSomebodyElse, TooManyInvitations
from chalicelib.identity.key_ring import KeyUnknown, ProjectGone, TooManyKeys
from chalicelib.identity.members import MemberChanged, MemberUnknown
from chalicelib.identity.membership import AlreadyMember, AuthorityLost
from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import LastOwner, OrgGone, PlanChanged, SettingsChanged, TooManyOrgs
from chalicelib.identity.pattern_states import PatternChanged
from chalicelib.identity.plans import WindowRefused
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.identity.users import EmailRefused
from chalicelib.identity.views import TooManyViews, ViewNameTaken, ViewsChanged, ViewUnknown
from chalicelib.outside.mail import MailNotSent
from chalicelib.storage.cursors import CursorRefused
from chalicelib.web.problems import PROBLEMS, NotFound, Problem, Problems, Told


def _field(status: int, code: str, title: str, name: str) -> Problem:
    def told(error: Exception) -> Told:
        text = str(error)
        return Told(text[:1].upper() + text[1:] + "." * (not text.endswith(".")), {"field": name})

    return Problem(status, code, title, told)


def _unusable(name: str) -> Problem:
    return _field(422, "field", "A field cannot be used", name)


TENANT_PROBLEMS: Final[Problems] = {
    GrantUnknown: PROBLEMS[NotFound],
    KeyUnknown: PROBLEMS[NotFound],
    MemberUnknown: PROBLEMS[NotFound],
    OrgGone: PROBLEMS[NotFound],
    ProjectGone: PROBLEMS[NotFound],
    ViewUnknown: PROBLEMS[NotFound],
    CursorRefused: Problem(
        400, "cursor", "The cursor cannot be used",
        lambda _: Told("It is no cursor of this list. Leave `cursor` out to start again."),
    ),
    RoleRefused: Problem(403, "role", "A role does not reach that far"),
    AuthorityLost: Problem(403, "authority", "Your role changed meanwhile"),
    InvitedSomebodyElse: Problem(403, "invitation", "The invitation is for somebody else"),
    AlreadyMember: Problem(409, "member", "Already a member"),
    LastOwner: Problem(409, "last-owner", "The last owner"),
    SlugTaken: _field(409, "slug-taken", "The slug is taken", "slug"),
    ViewNameTaken: _field(409, "name-taken", "The name is taken", "name"),
    MemberChanged: Problem(409, "changed", "Changed meanwhile"),
    PatternChanged: Problem(409, "changed", "Changed meanwhile"),
    PlanChanged: Problem(409, "changed", "Changed meanwhile"),
    SettingsChanged: Problem(409, "changed", "Changed meanwhile"),
    ViewsChanged: Problem(409, "changed", "Changed meanwhile"),
    TooManyKeys: Problem(409, "too-many", "Too many keys"),
    TooManyInvitations: Problem(409, "too-many", "Too many invitations"),
    TooManyOrgs: Problem(409, "too-many", "Too many organisations"),
    TooManyViews: Problem(409, "too-many", "Too many views"),
    InvitationGone: Problem(410, "invitation", "The invitation does not work any more"),
    EmailRefused: _unusable("email"),
    NameRefused: _unusable("name"),
    SlugRefused: _unusable("slug"),
    WindowRefused: _unusable("retention_days"),
    MailNotSent: Problem(
        503, "mail", "The mail could not be sent",
        lambda _: Told("The mail did not leave. Try again in a minute.", headers={"Retry-After": "60"}),
    ),
}  # fmt: skip
