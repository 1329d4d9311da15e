"""What stands before every page: no form from another site, no body too large, safe headers."""

from __future__ import annotations

import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.log import request_id

_SAFE: Final = {"GET", "HEAD"}
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_STATIC: Final = "default-src 'none'"


class Guard:
    """Pure ASGI, outermost."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, secure: bool) -> None:
        self.app, self.max_body_bytes, self.secure = app, max_body_bytes, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        token = request_id.set(given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16))
        size = 0

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._secure(MutableHeaders(scope=message))
            await send(message)

        async def receive_within_limit() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_body_bytes:
                # Cuts the upload off; the multipart reader ends with an error of its own.
                return {"type": "http.disconnect"}
            return message

        try:
            if refusal := self._refusal(scope["method"], headers):
                await refusal(scope, receive, send_safely)
            else:
                await self.app(scope, receive_within_limit, send_safely)
        finally:
            request_id.reset(token)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        if method in _SAFE:
            return None
        if not from_our_own_page(headers):
            return PlainTextResponse("this form came from another site; nothing was changed\n", 403)
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self.max_body_bytes:
            return PlainTextResponse("the file is too large; nothing was kept\n", 413)
        return None

    def _secure(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = request_id.get()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        headers.setdefault("Content-Security-Policy", _STATIC)
        headers.setdefault("Cache-Control", "no-store")
        if self.secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"


def from_our_own_page(headers: Headers) -> bool:
    """Whether a browser says that a page of ours sends this (Fetch Metadata, else `Origin`).

    A client that names neither is no browser and holds no cookie by accident; it is refused all
    the same, because programs have the APIs.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(headers.get("origin", "")).netloc == headers.get("host", "") != ""
