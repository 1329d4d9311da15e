"""Mail: to the SMTP server if there is one, else into a folder as `.eml` files."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.policy import SMTPUTF8
from urllib.parse import urlsplit

from services.kit import clock
from services.kit.db import new_id
from services.kit.settings import Settings


def send(settings: Settings, *, to: str, subject: str, body: str, language: str) -> None:
    """Send one text mail, or keep it in the mail folder where no server is set.

    Raises:
        OSError: the server or the folder did not take it (`smtplib.SMTPException` is one).
    """
    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, to, subject
    mail["Date"] = clock.now()
    mail["Message-ID"] = f"<{new_id()}@{settings.log_origin}>"
    mail.set_content(body)
    # After the content, which throws away all Content-* headers that stood before it.
    mail["Content-Language"] = language
    if settings.smtp_url is None:
        settings.mail_dir.mkdir(parents=True, exist_ok=True)
        (settings.mail_dir / f"{new_id()}.eml").write_bytes(bytes(mail))
        return
    url = urlsplit(settings.smtp_url.get_secret_value())
    kind = smtplib.SMTP_SSL if url.scheme == "smtps" else smtplib.SMTP
    with kind(url.hostname or "localhost", url.port or 0, timeout=15) as server:
        if url.username:
            server.login(url.username, url.password or "")
        server.send_message(mail)
