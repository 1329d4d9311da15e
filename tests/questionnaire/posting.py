"""A mail server of our own: it keeps what it takes, and refuses whom it is told to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Desk:
    """What the server does: `refuses` mailbox → the answer to RCPT TO."""

    refuses: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 (as aiosmtpd calls it)
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        self.taken += [(mailbox, message) for mailbox in envelope.rcpt_tos]
        return "250 OK"

    def to(self, mailbox: str) -> list[EmailMessage]:
        """Return what was delivered to a mailbox."""
        return [message for address, message in self.taken if address == mailbox]


@contextmanager
def mail_server() -> Iterator[tuple[Desk, str]]:
    """Run the server; yields its desk and its URL."""
    desk = Desk()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(desk, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield desk, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


def report(reference: str, mailbox: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    """Return a delivery report as RFC 3464 shows it."""
    return (
        "From: MAILER-DAEMON@mx.supplier.example\r\n"
        "To: no-reply@rensho.example\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n'
        "\r\n--B\r\nContent-Type: text/plain\r\n\r\nI could not deliver your mail.\r\n"
        "\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.supplier.example\r\n"
        f"Original-Envelope-Id: {reference}\r\n"
        "\r\n"
        f"Final-Recipient: rfc822; {mailbox}\r\n"
        f"Action: {action}\r\n"
        f"Status: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n"
        "\r\n--B\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"Message-ID: <{reference}@log.rensho.example>\r\n"
        "\r\n--B--\r\n"
    ).encode()
