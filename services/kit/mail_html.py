"""A mail as HTML, made of its text: the two can never say different things.

No picture, no script, nothing loaded from anywhere: whoever opens the mail is not watched.
"""

from __future__ import annotations

import html
import re
from typing import Final

_LINK: Final = re.compile(r"https?://[^\s<>\"、。)]+")
_ITEM: Final = ("■", "・", "- ")
_BODY: Final = (
    "margin:0 auto;max-width:42em;padding:1.5em;line-height:1.75;"
    "font-family:system-ui,-apple-system,'Hiragino Sans','Noto Sans CJK JP',Meiryo,sans-serif"
)


def page(subject: str, body: str, language: str) -> str:
    """Return a mail as one HTML page that reads top to bottom, on a phone too."""
    blocks = "\n".join(_block(each) for each in re.split(r"\n{2,}", body.strip()))
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(subject)}</title></head>\n"
        f'<body style="{_BODY}">\n{blocks}\n</body>\n</html>\n'
    )


def _block(text: str) -> str:
    lines = text.split("\n")
    if all(line.startswith(_ITEM) for line in lines):
        items = "".join(f"<li>{_inline(line.lstrip('■・- '))}</li>" for line in lines)
        return f'<ul style="padding-left:1.25em">{items}</ul>'
    return f"<p>{'<br>'.join(_inline(line) for line in lines)}</p>"


def _inline(line: str) -> str:
    found, rest = [], 0
    for link in _LINK.finditer(line):
        found.append(html.escape(line[rest : link.start()]))
        found.append(f'<a href="{html.escape(link[0])}">{html.escape(link[0])}</a>')
        rest = link.end()
    return "".join([*found, html.escape(line[rest:])])
