"""Mail: to the SMTP server if there is one, else into a folder as `.eml` files."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Final, Literal
from urllib.parse import urlsplit

from services.kit import clock, mail_html
from services.kit.db import new_id
from services.kit.settings import Settings

_PERMANENT: Final = 500
_TIMEOUT_SECONDS: Final = 15


@dataclass(frozen=True)
class Mail:
    """One mail to one mailbox.

    `to` is where this copy goes; `shown_to` and `cc` are what all copies show. `reference` comes
    back in delivery reports (RFC 3461 ENVID, and the left of the Message-ID).
    """

    to: str
    subject: str
    body: str
    language: str
    shown_to: str = ""
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    reference: str = ""


class NotTaken(OSError):
    """The server did not take a mail; `permanent` where trying again is in vain (5yz)."""

    def __init__(self, text: str, *, permanent: bool) -> None:
        super().__init__(text)
        self.permanent = permanent


class Post:
    """The way mails leave by; one connection serves many."""

    def __init__(self, settings: Settings) -> None:
        """Connect when the first mail comes."""
        self._settings = settings
        self._server: smtplib.SMTP | None = None

    def hand_over(self, mail: Mail) -> Literal["sent", "kept"]:
        """Give one mail away: `sent` to the server, or `kept` in the folder where none is set.

        Raises:
            NotTaken: the server refused it, or is away.
        """
        try:
            message = self._message(mail)
        except ValueError as why:
            # A line break in an address or subject: one such mail must not stop the others.
            raise NotTaken(f"cannot be written: {why}", permanent=True) from why
        if self._settings.smtp_url is None:
            message["Delivered-To"] = mail.to
            folder = self._settings.mail_dir
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{new_id()}.eml").write_bytes(bytes(message))
            return "kept"
        try:
            self._send(message, mail)
        except smtplib.SMTPRecipientsRefused as why:
            code, text = next(iter(why.recipients.values()))
            raise _not_taken(code, text) from why
        except smtplib.SMTPResponseException as why:
            # The server judged sender or content, not the mailbox: nothing bounced.
            raise NotTaken(_said(why.smtp_code, why.smtp_error), permanent=False) from why
        except (smtplib.SMTPException, OSError, UnicodeError) as why:
            self.close()
            raise NotTaken(f"{type(why).__name__}: {why}", permanent=False) from why
        return "sent"

    def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTPUTF8)
        message["From"] = self._settings.mail_from
        message["To"], message["Subject"] = mail.shown_to or mail.to, mail.subject
        if mail.cc:
            message["Cc"] = ", ".join(mail.cc)
        if mail.reply_to:
            message["Reply-To"] = mail.reply_to
        message["Date"] = clock.now()
        message["Message-ID"] = f"<{mail.reference or new_id()}@{self._settings.log_origin}>"
        message.set_content(mail.body)
        message.add_alternative(mail_html.page(mail.subject, mail.body, mail.language), "html")
        # After the content, which throws away all Content-* headers that stood before it.
        message["Content-Language"] = mail.language
        return message

    def _send(self, message: EmailMessage, mail: Mail) -> None:
        server = self._server = self._server or self._connect()
        of_mail: tuple[str, ...] = ()
        of_mailbox: tuple[str, ...] = ()
        if server.has_extn("dsn"):
            of_mail = (f"ENVID={mail.reference}",) if mail.reference else ()
            of_mailbox = ("NOTIFY=SUCCESS,FAILURE",)
        server.send_message(
            message, to_addrs=[mail.to], mail_options=of_mail, rcpt_options=of_mailbox
        )

    def _connect(self) -> smtplib.SMTP:
        assert self._settings.smtp_url is not None
        url = urlsplit(self._settings.smtp_url.get_secret_value())
        kind = smtplib.SMTP_SSL if url.scheme == "smtps" else smtplib.SMTP
        server = kind(url.hostname or "localhost", url.port or 0, timeout=_TIMEOUT_SECONDS)
        server.ehlo_or_helo_if_needed()
        if url.username:
            server.login(url.username, url.password or "")
        return server


@contextmanager
def post(settings: Settings) -> Iterator[Post]:
    """Open the post while the block runs."""
    opened = Post(settings)
    try:
        yield opened
    finally:
        opened.close()


def send(settings: Settings, *, to: str, subject: str, body: str, language: str) -> None:
    """Send one mail, or keep it in the mail folder where no server is set.

    Raises:
        NotTaken: the server did not take it.
    """
    with post(settings) as opened:
        opened.hand_over(Mail(to, subject, body, language))


def _not_taken(code: int, text: bytes | str) -> NotTaken:
    return NotTaken(_said(code, text), permanent=code >= _PERMANENT)


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {words}"
