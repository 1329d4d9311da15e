"""The APIs as far as a page asks them, where the real ones could not be brought to say it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from services.kit.settings import Settings
from services.portal.app import make_pages

ORG = "00000000-0000-4000-8000-000000000001"
_SCOPES = "scores.read campaigns.read campaigns.write suppliers.read deliveries.read"


def apis(answers: Mapping[str, Any]) -> Any:
    """Return an ASGI app that answers each path with its document, and tokens with everything."""
    claims = json.dumps({"org": ORG, "scope": _SCOPES}).encode()
    middle = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    known = {"/identity/v1/token": {"access_token": f"h.{middle}.s"}, **answers}
    bodies = {path: json.dumps(document).encode() for path, document in known.items()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = bodies.get(scope["path"])
        status = 404 if body is None else 200
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body or b"{}"})

    return app


@contextmanager
def pages_over(answers: Mapping[str, Any]) -> Iterator[str]:
    """Serve the pages over such APIs; gives the address."""
    settings = Settings(public_url="http://127.0.0.1:1")
    config = uvicorn.Config(
        make_pages(settings, apis(answers)), host="127.0.0.1", port=0, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
