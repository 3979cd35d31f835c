"""Every letter that the product writes, and how it leaves: by SES, into the outbox, or not at all."""

import logging
from typing import Final

from chalicelib import settings
from chalicelib.outside import mail
from chalicelib.outside.mail import ADDRESS, Mail, MailNotSent
from chalicelib.storage import outbox
from chalicelib.storage.errors import StoreUnavailable

logger: Final = logging.getLogger(__name__)


class NoMailer(Exception):
    """This deployment sends no mail, so what needs one cannot be done."""

    def __init__(self) -> None:
        super().__init__("This deployment sends no mail. Ask whoever runs it.")


def can_send() -> bool:
    return settings.current().mail != "none"


def is_address(text: str) -> bool:
    return ADDRESS.fullmatch(text) is not None


def send(letter: Mail, *, now: int) -> None:
    """Raises `NoMailer`, `MailNotSent` and `StoreUnavailable`."""
    match settings.current().mail:
        case "ses":
            mail.send(letter)
        case "outbox":
            outbox.keep(to=letter.to, subject=letter.subject, text=letter.text, now_ms=now * 1000)
        case _:
            raise NoMailer


def notify(letter: Mail, *, now: int) -> bool:
    """Tells somebody what has already happened, and answers whether it did. That it could not is logged, and undoes
    nothing."""
    if not can_send():
        return False
    try:
        send(letter, now=now)
    except (MailNotSent, StoreUnavailable):
        logger.exception("a notice could not be sent: %s", letter.subject)
        return False
    return True


def confirm_sign_up(to: str, token: str) -> Mail:
    return Mail(
        to,
        "Confirm your Scrywatch account",
        _letter(
            "Somebody, we hope you, signed up for Scrywatch with this address. To make the account, open this link"
            " within the hour and enter the password that you chose:",
            _link("confirm", token),
            "If it was not you, do nothing: without that password nothing will be made.",
        ),
    )


def already_here(to: str) -> Mail:
    return Mail(
        to,
        "You have a Scrywatch account already",
        _letter(
            "Somebody, perhaps you, gave this address to sign up for Scrywatch. It has an account already: sign in, or"
            " choose a new password if you have forgotten yours.",
            f"{settings.current().url}/sign-in",
            "If it was not you, do nothing. Nothing was changed.",
        ),
    )


def reset(to: str, token: str) -> Mail:
    return Mail(
        to,
        "Choose a new Scrywatch password",
        _letter(
            "Somebody, we hope you, asked for a new password. Open this link within half an hour to choose one:",
            _link("reset", token),
            "If it was not you, do nothing: your password stays as it is.",
        ),
    )


def no_account(to: str) -> Mail:
    return Mail(
        to,
        "There is no Scrywatch account of this address",
        _letter(
            "Somebody, perhaps you, asked for a new password for this address. There is no account of it: perhaps you"
            " signed up with another one.",
            settings.current().url,
            "If it was not you, do nothing.",
        ),
    )


def confirm_email(to: str, token: str) -> Mail:
    return Mail(
        to,
        "Confirm your new address",
        _letter(
            "Somebody, we hope you, wants to use this address for their Scrywatch account. If so, open this link within"
            " the hour:",
            _link("confirm", token),
            "If it was not you, do nothing.",
        ),
    )


def changed(to: str, what: str) -> Mail:
    """Tells of a change that has happened: `what` is a whole sentence (ASVS 6.3.7)."""
    return Mail(
        to,
        "A change to your Scrywatch account",
        _letter(
            what,
            f"{settings.current().url}/account",
            "If it was not you, choose a new password at once and end all sessions.",
        ),
    )


def allowance_runs_out(to: str, project: str, path: str, *, used: int, allowance: int, refused: int) -> Mail:
    """To an owner or admin of a project; `path` is where it says so as it goes on."""
    return Mail(
        to,
        "A project is about to use up its events of today",
        _letter(
            f"The project {project} has taken {used:,} events today. Its plan allows {allowance:,} a day. From"
            f" {refused:,} on, a tenth more, what is sent is refused until 00:00 UTC, and most clients lose what is"
            " refused. How it goes on:",
            f"{settings.current().url}{path}",
            "Send less, or ask whoever runs this deployment for another plan. You get this letter once a day at most,"
            " because you own the project's organisation or administer it.",
        ),
    )


def deleted(to: str, what: str) -> Mail:
    """Tells an owner of what cannot be undone: `what` is a whole sentence."""
    return Mail(
        to,
        "Something was deleted on Scrywatch",
        _letter(
            what,
            "It is gone from every page and every answer, and is being erased for good. Nothing brings it back.",
            "If you did not expect this, sign in and look at who did it, in the audit log, and at who is an owner.",
            f"{settings.current().url}/orgs",
        ),
    )


def account_deleted(to: str) -> Mail:
    return Mail(
        to,
        "Your Scrywatch account is deleted",
        _letter(
            "Your account was deleted. Nothing signs in with it any more, and all of it is being erased for good; what"
            " was signed in has ended.",
            "You can sign up again with this address, as somebody new.",
            "If it was not you, tell whoever runs this deployment at once.",
        ),
    )


def _link(page: str, token: str) -> str:
    return f"{settings.current().url}/{page}?token={token}"


def _letter(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs) + "\n"
