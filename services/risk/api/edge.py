"""What the routes share: numbers as they are shown, cursors, answers that may be unchanged."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from services.kit.problems import Invalid
from services.kit.settings import Settings
from services.kit.web import Model

_TENTH = Decimal("0.1")


class Exact(Model):
    """Both bounds as decimal strings with nine places; 0 best, 1 worst (nats where so named)."""

    claimed: str
    evidenced: str


def shown(evidenced: str | None) -> float | None:
    """Return a nine-place value of 0..1 as it is shown: 0..100, one decimal, half to even."""
    if evidenced is None:
        return None
    return float((Decimal(evidenced) * 100).quantize(_TENTH, ROUND_HALF_EVEN))


def number(text: str | None) -> float | None:
    """Return a nine-place value as a JSON number; null stays null."""
    return None if text is None else float(text)


def _here(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return f"{settings.base_url}/risk/v1"


Here = Annotated[str, Depends(_here)]
IfNoneMatch = Annotated[str | None, Header(max_length=400)]


def to_cursor(*parts: str) -> str:
    """Return the place where a page ended, opaque to callers."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def from_cursor(cursor: str | None, parts: int) -> list[str] | None:
    """Read a cursor of ours.

    Raises:
        Invalid: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        read = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        read = None
    if not isinstance(read, list) or [type(each) for each in read] != [str] * parts:
        msg = "this cursor is none of ours"
        raise Invalid(msg)
    return read


def unless_known(answer: Model, if_none_match: str | None, link: str | None = None) -> Response:
    """Return an answer with its ETag, or 304 where the caller holds this very answer."""
    body = answer.model_dump_json().encode()
    found = bytes_unless_known(body, hashlib.sha256(body).hexdigest(), if_none_match)
    if link is not None:
        found.headers["Link"] = f'<{link}>; rel="next"'
    return found


def bytes_unless_known(body: bytes, sha256: str, if_none_match: str | None) -> Response:
    """Return JSON bytes under their digest as ETag, or 304 where the caller holds them."""
    tag = f'"{sha256}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = {each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
