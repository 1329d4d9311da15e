"""What the routes share: numbers as they are shown, cursors, answers that may be unchanged."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from services.kit.problems import Invalid
from services.kit.web import Model


class Exact(Model):
    """Both bounds as decimal strings with nine places; 0 best, 1 worst (nats where so named)."""

    claimed: str
    evidenced: str


async def _here(request: Request) -> str:
    here: str = request.app.state.here
    return here


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


def unless_known(
    answer: Model | dict[str, Any], if_none_match: str | None, link: str | None = None
) -> Response:
    """Return an answer with its ETag, or 304 where the caller holds this very answer."""
    if isinstance(answer, Model):
        answer = answer.model_dump(mode="json")
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    found = bytes_unless_known(body, hashlib.sha256(body).hexdigest(), if_none_match)
    if link is not None:
        found.headers["Link"] = f'<{link}>; rel="next"'
    return found


def tags(if_none_match: str | None) -> list[str]:
    """Return the digests a caller holds; `*` for any."""
    given = (if_none_match or "").split(",") if if_none_match else []
    return [each.strip().removeprefix("W/").strip('"') for each in given]


def bytes_unless_known(body: bytes, sha256: str, if_none_match: str | None) -> Response:
    """Return JSON bytes under their digest as ETag, or 304 where the caller holds them."""
    headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, no-cache"}
    known = tags(if_none_match)
    if sha256 in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
