"""What `/api/auth/…` reads and answers. A field that is not named here is refused, not ignored."""

from typing import Annotated

from msgspec import Meta, Struct

from chalicelib.identity import users
from chalicelib.web.bodies import Secret

Email = Annotated[str, Meta(min_length=3, max_length=users.LONGEST_ADDRESS)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Code = Annotated[str, Meta(min_length=6, max_length=64, extra_json_schema={"format": "password"})]
Token = Annotated[str, Meta(min_length=1, max_length=4096, extra_json_schema={"format": "password"})]


class Register(Struct, frozen=True, forbid_unknown_fields=True):
    """A new account."""

    email: Email
    password: Secret
    name: Name
    orgName: Name  # noqa: N815  # as existing clients call it


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody's address and password, and with a second factor its code too."""

    email: Email
    password: Secret
    code: Code | None = None


class LoginCode(Struct, frozen=True, forbid_unknown_fields=True):
    """The second step of signing in."""

    challenge: Token
    code: Code


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """The password once more, and with a second factor a code too."""

    password: Secret
    code: Code | None = None


class NewName(Struct, frozen=True, forbid_unknown_fields=True):
    """How somebody wants to be called."""

    name: Name


class NewEmail(Struct, frozen=True, forbid_unknown_fields=True):
    """Where somebody wants to be written to."""

    email: Email


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    """The password as it is, and as it is to be."""

    current: Secret
    password: Secret


class Reset(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose password is forgotten."""

    email: Email


class ResetConfirm(Struct, frozen=True, forbid_unknown_fields=True):
    """The link's token, and the new password."""

    token: Token
    password: Secret


class Confirm(Struct, frozen=True, forbid_unknown_fields=True):
    """The link's token; to finish a sign-up the password that was chosen, too."""

    token: Token
    password: Secret | None = None


class FactorCode(Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the authenticator, or a recovery code."""

    code: Code


class SessionsEnd(Struct, frozen=True, forbid_unknown_fields=True):
    """Which sessions end: one by its id, `others` or `all`."""

    session: Annotated[str, Meta(min_length=1, max_length=64)]


class UserShown(Struct, frozen=True):
    """Somebody, as they see themselves."""

    id: str
    email: str
    name: str
    email_confirmed: bool


class OrgShown(Struct, frozen=True):
    """An organisation of theirs."""

    slug: str
    name: str
    role: str


class PlaceShown(Struct, frozen=True):
    """An organisation or a project that was just made."""

    slug: str
    name: str


class RegisteredShown(Struct, frozen=True):
    """The new account. The key is shown this once."""

    user: UserShown
    org: PlaceShown
    project: PlaceShown
    apiKey: str  # noqa: N815  # as existing clients call it
    csrf_token: str
    success: bool = True


class LetterSent(Struct, frozen=True):
    """What is left to do stands in a letter. That is all there is to know, whoever has the address."""

    detail: str
    success: bool = True


class Me(Struct, frozen=True):
    """Who is signed in, and the token for `X-CSRF-Token`."""

    user: UserShown
    orgs: list[OrgShown]
    second_factor: bool
    must_enrol: bool
    csrf_token: str


class Done(Struct, frozen=True):
    """It was done."""

    success: bool = True


class Renewed(Struct, frozen=True):
    """It was done, and the session goes on under a new cookie."""

    csrf_token: str
    success: bool = True


class EnrolmentShown(Struct, frozen=True):
    """What an authenticator is given. It counts once a code of it came back."""

    secret: str
    uri: str


class RecoveryCodes(Struct, frozen=True):
    """Shown this once. Each works once."""

    recovery_codes: tuple[str, ...]
    csrf_token: str


class SessionShown(Struct, frozen=True):
    """One of somebody's own sessions. Times are in milliseconds since 1970."""

    id: str
    current: bool
    created_at: int
    expires_at: int
    source: str
    agent: str
    second_factor: bool


class SessionList(Struct, frozen=True):
    """Somebody's own sessions, the newest first."""

    sessions: list[SessionShown]
