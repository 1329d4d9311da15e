"""The witness over HTTP: C2SP tlog-witness, and a page that says who it is and what it saw."""

from __future__ import annotations

from http import HTTPStatus

from rensho import strict_base64, times
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.kit.log import log
from services.witness.memory import MAX_BODY, Refused, Seen, Witness

SIZE_TYPE = "text/x.tlog.size"


def make_app(witness: Witness) -> Starlette:
    """Make the app of one witness; nobody authenticates, as the log's signature does."""

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return _refusal(413, f"a request is at most {MAX_BODY} bytes")
        # The disk is waited for in a thread, so that the others are served meanwhile.
        return await run_in_threadpool(_answer, witness, bytes(body))

    async def show(_request: Request) -> Response:
        return JSONResponse(
            {
                "name": witness.key.name,
                "key": strict_base64.encode(witness.key.public),
                "vkey": witness.key.vkey,
                "logs": [_head(seen) for seen in witness.seen()],
            }
        )

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/", show),
        ]
    )


def _answer(witness: Witness, body: bytes) -> Response:
    try:
        line = witness.add_checkpoint(body)
    except Refused as why:
        if why.size is not None:
            # Not `media_type`: it would add a charset, and the type is compared as a whole.
            return Response(f"{why.size}\n", why.status, {"Content-Type": SIZE_TYPE})
        return _refusal(why.status, str(why))
    except OSError as why:
        log.error("the disk did not take a head", error=repr(why))
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the head could not be remembered")
    return PlainTextResponse(line)


def _refusal(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)


def _head(seen: Seen) -> dict[str, object]:
    return {
        "origin": seen.origin,
        "size": seen.size,
        "cosigned_at": times.write(seen.at) if seen.at else None,
        "checkpoint": seen.note.decode() or None,
    }
