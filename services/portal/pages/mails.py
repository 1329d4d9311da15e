"""The mail viewer of the demo: what would have been sent, read from the folder it lies in."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio.to_thread
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from services.portal.visit import Book, Visit, not_found

book = Book()

_MOST: Final = 100
_NAME: Final = re.compile(r"[0-9a-f-]{36}")
_LINK: Final = re.compile(r"https?://[^\s<>\"'、。)]+")
# A mail's own styles may show; nothing may load, run or be sent.
_MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
)


@book.get("/mails", public=True)
async def list_mails(visit: Visit) -> Response:
    """List the newest mails."""
    found = await anyio.to_thread.run_sync(_newest, visit.pages.settings.mail_dir)
    wanted = visit.request.query_params.get("to", "")
    shown = [each for each in found if wanted in str(each[1]["To"])]
    return visit.page("mails.html", bare=True, mails=shown, wanted=wanted)


@book.get("/mails/{name}", public=True)
async def show_mail(visit: Visit) -> Response:
    """Show one mail: its text, and what it looks like."""
    mail = await _mail(visit)
    if mail is None:
        return not_found(visit)
    plain = mail.get_body(("plain",))
    return visit.page(
        "mail.html",
        bare=True,
        mail=mail,
        name=visit.request.path_params["name"],
        text=_linked(plain.get_content() if plain else "", visit),
        has_html=mail.get_body(("html",)) is not None,
    )


@book.get("/mails/{name}/html", public=True)
async def show_html(visit: Visit) -> Response:
    """Show the HTML of a mail, alone in a frame that can do nothing."""
    mail = await _mail(visit)
    html = mail.get_body(("html",)) if mail else None
    if html is None:
        return not_found(visit)
    return HTMLResponse(html.get_content(), headers={"Content-Security-Policy": _MAIL_POLICY})


async def _mail(visit: Visit) -> EmailMessage | None:
    name = visit.request.path_params["name"]
    path = visit.pages.settings.mail_dir / f"{name}.eml"
    if not _NAME.fullmatch(name) or not path.exists():
        return None
    return await anyio.to_thread.run_sync(_read, path)


def _newest(folder: Path) -> list[tuple[str, EmailMessage]]:
    # Names are time-ordered ids.
    paths = sorted(folder.glob("*.eml"), reverse=True)[:_MOST]
    return [(path.stem, _read(path)) for path in paths]


def _read(path: Path) -> EmailMessage:
    found = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def _linked(text: str, visit: Visit) -> Markup:
    """Return the text with its links to our own pages made into links."""
    ours = urlsplit(visit.pages.settings.base_url).netloc

    def link(found: re.Match[str]) -> str:
        url = found[0]
        if urlsplit(url).netloc != ours:
            return str(escape(url))
        return str(Markup('<a href="{0}" target="_top">{0}</a>').format(url))

    parts, at = [], 0
    for found in _LINK.finditer(text):
        parts += [str(escape(text[at : found.start()])), link(found)]
        at = found.end()
    return Markup("".join([*parts, str(escape(text[at:]))]))  # noqa: S704 (every part is escaped)
