"""Pages of an account, of organisations and of who belongs to them. Times are in seconds."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.forms import BLANK, Choice, Form, Option
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class SessionRow(Struct, frozen=True):
    id: str
    agent: str
    source: str
    since: int
    current: bool


class Account(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/account.html"
    title: str = "Your account"
    name: Form
    email: Form = BLANK
    email_hint: str
    password: Form = BLANK
    second_factor: bool
    codes_left: int
    factor: Form = BLANK
    sessions: tuple[SessionRow, ...]
    saved: Form = BLANK


class QrCode(Struct, frozen=True):
    """The dark squares of a QR code as one SVG path in a square of `size`."""

    path: str
    size: int


class FactorSetup(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/factor_setup.html"
    title: str = "Set up a second factor"
    secret: str
    qr: QrCode
    form: Form = BLANK


class FactorCode(View, frozen=True, kw_only=True):
    """Asks for the code again: the key was shown once, and the authenticator has it."""

    template: ClassVar[str] = "pages/factor_code.html"
    title: str = "Set up a second factor"
    form: Form


class RecoveryCodes(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/recovery_codes.html"
    title: str = "Your recovery codes"
    codes: tuple[str, ...]


class ProjectName(Struct, frozen=True):
    slug: str
    name: str


class OrgRow(Struct, frozen=True):
    """`more` projects are on its own page alone."""

    slug: str
    name: str
    role: str
    projects: tuple[ProjectName, ...] = ()
    more: int = 0


class Orgs(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/orgs.html"
    title: str = "Your organisations"
    orgs: tuple[OrgRow, ...]
    form: Form = BLANK


class ProjectRow(Struct, frozen=True):
    slug: str
    name: str
    kept: str


class Org(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/org.html"
    crumbs: tuple[Link, ...]
    here: str
    projects: tuple[ProjectRow, ...]
    may_create: bool
    form: Form = BLANK


class OrgSettings(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/org_settings.html"
    title: str = "Organisation"
    crumbs: tuple[Link, ...]
    here: str
    may_write: bool
    role: str
    may_leave: bool
    may_delete: bool = False
    name: Form
    """With the slug."""
    second_factor: bool
    without_factor: str
    """How many members have none yet, as a sentence."""
    heirs: tuple[Option, ...] = ()
    """Whom the reader can hand the organisation to."""
    saved: Form = BLANK


class MemberRow(Struct, frozen=True):
    id: str
    name: str
    email: str
    role: str
    second_factor: bool
    since: int
    you: bool


class InvitationRow(Struct, frozen=True):
    id: str
    email: str
    role: str
    by: str
    until: int


class Members(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/members.html"
    title: str = "People"
    crumbs: tuple[Link, ...]
    here: str
    invitations_at: str
    members: tuple[MemberRow, ...]
    invitations: tuple[InvitationRow, ...]
    may_write: bool
    roles: tuple[Choice, ...]
    how: str
    """How an invitation reaches who is invited."""
    link: str = ""
    """An invitation that was made just now, where there is no mailer to send it."""
    form: Form = BLANK
    saved: Form = BLANK


class Member(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/member.html"
    crumbs: tuple[Link, ...]
    here: str
    email: str
    role: str
    since: int
    second_factor: bool
    roles: tuple[Choice, ...]
    """That the reader may give; empty where they may give none."""
    ends: tuple[str, ...]
    """What a removal ends, each as a sentence."""
    refusal: str = ""
    """Why the reader cannot remove this member; empty where they can."""
    form: Form = BLANK
    saved: Form = BLANK


class EntryRow(Struct, frozen=True):
    at: int
    actor: str
    action: str
    target: str
    changes: tuple[tuple[str, str, str], ...]
    """Name, value before, value after."""


class AuditLog(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/audit.html"
    title: str = "Audit log"
    crumbs: tuple[Link, ...]
    here: str
    actors: tuple[Option, ...]
    actions: tuple[Option, ...]
    form: Form
    entries: tuple[EntryRow, ...]
    next: str = ""
    """The query of the page after this one."""


class OwnLog(View, frozen=True, kw_only=True):
    """What happened to the reader's account."""

    template: ClassVar[str] = "pages/own_log.html"
    title: str = "Log of your account"
    here: str
    entries: tuple[EntryRow, ...]
    next: str = ""
    """The query of the page after this one."""


class Letter(Struct, frozen=True):
    to: str
    subject: str
    text: str
    at: int


class Outbox(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/outbox.html"
    title: str = "Outbox"
    mails: tuple[Letter, ...]
