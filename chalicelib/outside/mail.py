"""Mail that leaves through Amazon SES. What would be more than one mail to one person is refused (header injection)."""

import re
from functools import cache
from typing import Any, Final

from msgspec import Struct

from chalicelib import settings

CONNECT_SECONDS: Final = 1
READ_SECONDS: Final = 4
ATTEMPTS: Final = 2

_PLAIN: Final = r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f-\x9f]"
ADDRESS: Final = re.compile(_PLAIN + "{1,64}@" + _PLAIN + "{1,253}")
"""What we send to: one address and nothing around it."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class MailRefused(ValueError):
    """This would be more than one mail to one person."""


class MailNotSent(Exception):
    """The mail did not leave, as far as is known. Trying again later helps."""


class Mail(Struct, frozen=True):
    """A letter to one person, in plain text."""

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if not ADDRESS.fullmatch(self.to):
            raise MailRefused("the address is not one address")
        if _CONTROL.search(self.subject):
            raise MailRefused("the subject has a control character in it")


def send(mail: Mail) -> None:
    """Gives the mail to SES. Raises `MailNotSent`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        _client().send_email(
            FromEmailAddress=settings.current().mail_from,
            Destination={"ToAddresses": [mail.to]},
            Content={
                "Simple": {
                    "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
                }
            },
        )
    except (BotoCoreError, ClientError) as error:
        raise MailNotSent(type(error).__name__) from error


@cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    limits = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    return boto3.client("sesv2", region_name=settings.current().region, config=limits)
