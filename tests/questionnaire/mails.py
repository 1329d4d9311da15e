"""What lies in a mailbox: the mails that were kept where no mail server is set."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from services.kit.settings import Settings


def letters_to(settings: Settings, mailbox: str) -> list[EmailMessage]:
    """Return the mails that went to a mailbox, oldest first."""
    found = [
        message_from_bytes(path.read_bytes(), policy=default)
        for path in sorted(settings.mail_dir.glob("*.eml"))
    ]
    return [mail for mail in found if mail["Delivered-To"] == mailbox]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """Return a mail's text, or its HTML."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def mails_to(settings: Settings, mailbox: str) -> list[tuple[str, str]]:
    """Return subject and text of the mails that went to a mailbox, oldest first."""
    # A folded header begins with the blank it was folded at.
    return [
        (str(mail["Subject"]).lstrip(), text_of(mail)) for mail in letters_to(settings, mailbox)
    ]
