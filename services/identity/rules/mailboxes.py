"""Mailboxes: stored as given, matched without regard to case, hinted at but never shown whole."""

from __future__ import annotations

import re
from typing import ClassVar

_SHAPE = re.compile(
    r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{3,190}"
)


class MalformedMailbox(ValueError):
    """This cannot be the address of a mailbox."""

    urn: ClassVar[str] = "members/malformed-mailbox"


def match_key(mailbox: str) -> str:
    """Return what two spellings of one mailbox share.

    Raises:
        MalformedMailbox: it is not `name@domain`.
    """
    stripped = mailbox.strip()
    _, _, domain = stripped.partition("@")
    if not _SHAPE.fullmatch(stripped) or "." not in domain.strip("."):
        msg = "this is not the address of a mailbox"
        raise MalformedMailbox(msg)
    return stripped.lower()


def hint(mailbox: str) -> str:
    """Return enough for the owner to know which mailbox is meant: `t***@firm.example`."""
    local, _, domain = mailbox.partition("@")
    return f"{local[:1]}***@{domain}"
