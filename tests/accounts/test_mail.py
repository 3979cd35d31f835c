"""Mail goes to one person and says what it is to say, by SES, into the outbox, or not at all."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import settings
from chalicelib.identity import letters
from chalicelib.outside import mail
from chalicelib.outside.mail import Mail, MailNotSent, MailRefused
from chalicelib.storage import outbox as kept
from chalicelib.storage.tables.models import OutboxItem
from tests.accounts.people import NOW

LETTER = Mail("ann@example.com", "Hello", "How are you?\n")


@pytest.mark.requirement("I10", "V1.3.11")
@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("ann@example.com\r\nBcc: all@example.com", "x"),
        ("ann@example.com, bob@example.com", "x"),
        ("ann@example.com", "x\r\nBcc: all@example.com"),
        ("ann@example.com", "x\u2028y"),
        ("Ann <ann@example.com>", "x"),
        ("", "x"),
    ],
)
def test_what_would_be_more_than_one_mail_is_refused(to: str, subject: str) -> None:
    with pytest.raises(MailRefused):
        Mail(to, subject, "text")


def test_the_outbox_keeps_letters_the_newest_first_and_for_a_week(moto_store: None, outbox: None) -> None:
    letters.send(LETTER, now=NOW)
    letters.send(Mail("bob@example.com", "Second", "…"), now=NOW + 1)
    assert [(each.at_ms // 1000, each.to, each.subject) for each in kept.letters()] == [
        (NOW + 1, "bob@example.com", "Second"),
        (NOW, "ann@example.com", "Hello"),
    ]
    (first, _) = OutboxItem.scan()
    assert first.t - NOW in (7 * 86_400, 7 * 86_400 + 1)


def test_where_there_is_no_mailer_nothing_is_sent_and_notices_are_left_out(moto_store: None) -> None:
    assert not letters.can_send()
    letters.notify(LETTER, now=NOW)
    with pytest.raises(letters.NoMailer):
        letters.send(LETTER, now=NOW)
    assert kept.letters() == []


class Ses:
    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.error = error

    def send_email(self, **request: Any) -> None:
        if self.error:
            raise self.error
        self.sent.append(request)


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Ses:
    monkeypatch.setenv("SCRY_MAIL", "ses")
    monkeypatch.setenv("SCRY_MAIL_FROM", "scrywatch@example.com")
    settings.current.cache_clear()
    client = Ses()
    monkeypatch.setattr(mail, "_client", lambda: client)
    return client


@pytest.mark.requirement("V1.3.11")
def test_ses_gets_one_address_and_plain_text(ses: Ses) -> None:
    letters.send(LETTER, now=NOW)
    (request,) = ses.sent
    assert request["FromEmailAddress"] == "scrywatch@example.com"
    assert request["Destination"] == {"ToAddresses": ["ann@example.com"]}
    assert request["Content"]["Simple"]["Body"] == {"Text": {"Data": "How are you?\n", "Charset": "UTF-8"}}


@pytest.mark.requirement("V16.5.2", "V16.3.4")
def test_a_mail_that_does_not_leave_is_said_and_a_notice_that_does_not_is_logged(
    ses: Ses, caplog: pytest.LogCaptureFixture
) -> None:
    ses.error = ClientError({"Error": {"Code": "Throttling"}}, "SendEmail")
    with pytest.raises(MailNotSent):
        letters.send(LETTER, now=NOW)
    letters.notify(LETTER, now=NOW)
    assert "could not be sent" in caplog.text


def test_ses_is_asked_with_little_patience() -> None:
    config = mail._client.__wrapped__().meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (1, 4, 2)


@pytest.mark.parametrize("write", [letters.confirm_sign_up, letters.reset, letters.confirm_email])
def test_a_letter_with_a_link_says_where_it_leads_and_what_to_do_if_it_was_not_asked_for(write: Any) -> None:
    letter = write("a@example.com", "t.o.k")
    assert "http://127.0.0.1:8000/" in letter.text
    assert "?token=t.o.k\n" in letter.text
    assert "If it was not you, do nothing" in letter.text
