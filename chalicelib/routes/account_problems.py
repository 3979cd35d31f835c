"""What the exceptions of accounts are to a client."""

from typing import Final

from chalicelib.identity.letters import NoMailer
from chalicelib.identity.links import LinkRefused
from chalicelib.identity.names import NameRefused
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.second_factor import CodeRefused, FactorMissing, FactorPresent
from chalicelib.identity.sessions import SessionUnknown
from chalicelib.identity.sign_in import CodeNeeded, SignInRefused
from chalicelib.identity.sign_up import SignUpClosed
from chalicelib.identity.users import ChangedMeanwhile, EmailRefused, EmailTaken
from chalicelib.outside.mail import MailNotSent
from chalicelib.web.problems import Problem, Problems, Told


def _field(name: str) -> Problem:
    def told(error: Exception) -> Told:
        text = str(error)
        return Told(text[:1].upper() + text[1:] + "." * (not text.endswith(".")), {"field": name})

    return Problem(422, "field", "A field cannot be used", told)


ACCOUNT_PROBLEMS: Final[Problems] = {
    SignInRefused: Problem(401, "sign-in", "Not signed in"),
    CodeNeeded: Problem(
        401, "code-needed", "A code is needed too", lambda error: Told(str(error), {"challenge": error.challenge})
    ),
    CodeRefused: Problem(401, "code", "The code does not work"),
    SignUpClosed: Problem(403, "sign-up-closed", "Nobody can sign up here"),
    SessionUnknown: Problem(404, "not-found", "Not found"),
    EmailTaken: Problem(409, "email-taken", "The address is taken"),
    FactorMissing: Problem(409, "factor-missing", "There is no second factor"),
    FactorPresent: Problem(409, "factor-present", "There is a second factor already"),
    ChangedMeanwhile: Problem(409, "changed", "Changed meanwhile"),
    LinkRefused: Problem(410, "link", "The link does not work any more"),
    EmailRefused: _field("email"),
    NameRefused: _field("name"),
    PasswordRefused: _field("password"),
    NoMailer: Problem(501, "no-mailer", "This deployment sends no mail"),
    MailNotSent: Problem(
        503, "mail", "The mail could not be sent",
        lambda _: Told("The mail did not leave. Try again in a minute.", headers={"Retry-After": "60"}),
    ),
}  # fmt: skip
