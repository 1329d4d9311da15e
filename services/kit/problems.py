"""Refusals and their one wire shape, `application/problem+json` (RFC 9457).

Code below the edge raises `Refused`; only this module knows status codes. Anything else becomes a
blank 500 with the request id, because an unexpected text may hold a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from services.kit.log import log, request_id

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """A refusal that is safe to show. Subclasses name what happened; `urn` is stable."""

    urn: ClassVar[str] = "request/refused"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions


class NotFound(Refused):
    """There is no such thing, or it is not yours: the two look the same."""

    urn = "request/not-found"
    status = HTTPStatus.NOT_FOUND


class Unauthenticated(Refused):
    """No valid access token came with the request."""

    urn = "request/unauthenticated"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refused):
    """The token is valid but lacks the permission of this operation."""

    urn = "request/forbidden"
    status = HTTPStatus.FORBIDDEN


class Invalid(Refused):
    """The content is understood and wrong."""

    urn = "request/invalid"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Stale(Refused):
    """Somebody changed it since you read it (`If-Match`)."""

    urn = "request/stale"
    status = HTTPStatus.PRECONDITION_FAILED


class TooLarge(Refused):
    """The body is over the limit of this operation."""

    urn = "request/too-large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Unavailable(Refused):
    """Something we depend on is away; nothing was changed, try again."""

    urn = "request/unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


DECLARED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem document (RFC 9457); more fields may say more.",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "request_id"],
                    "properties": {
                        "type": {"type": "string", "pattern": "^urn:rensho:problem:"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "request_id": {"type": "string"},
                    },
                }
            }
        },
    }
}
"""What every operation may answer besides its success, for the OpenAPI document."""


def document(status: int, urn: str, detail: str, **extensions: Any) -> dict[str, Any]:
    """Return the problem document; `type` is a stable URN, `request_id` finds the log line."""
    return {
        "type": f"urn:rensho:problem:{urn}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id.get(),
        **extensions,
    }


def response(
    status: int, urn: str, detail: str, headers: Mapping[str, str] | None = None, **extensions: Any
) -> JSONResponse:
    """Return the problem as a response."""
    body = document(status, urn, detail, **extensions)
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def of_http(why: HTTPException) -> JSONResponse:
    """Return what the framework refuses (no such route, wrong method, body too large)."""
    known = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
    urn = known.get(why.status_code, "refused")
    return response(why.status_code, f"request/{urn}", str(why.detail), why.headers)


def unexpected(why: Exception) -> JSONResponse:
    """Return the blank 500: the log holds what happened, under the same request id."""
    log.error("unexpected error", exc_info=why)
    return response(500, "request/failed", "something went wrong on our side; nothing was kept")


async def _refused(_request: Request, why: Exception) -> JSONResponse:
    assert isinstance(why, Refused)
    return response(why.status, why.urn, why.detail, why.headers, **why.extensions)


async def _invalid(_request: Request, why: Exception) -> JSONResponse:
    assert isinstance(why, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in e["loc"]), "what": e["msg"]} for e in why.errors()
    ]
    text = "the request does not fit the contract"
    return response(422, "request/invalid", text, errors=errors)


async def _http(_request: Request, why: Exception) -> JSONResponse:
    assert isinstance(why, HTTPException)
    return of_http(why)


async def _database_away(_request: Request, why: Exception) -> JSONResponse:
    log.error("database away", exc_info=why)
    headers = {"Retry-After": "2"}
    return response(503, "request/unavailable", "the database is away; try again", headers)


async def _not_storable(_request: Request, why: Exception) -> JSONResponse:
    log.warning("a value the database cannot hold", exc_info=why)
    text = "the text holds a zero byte or half a character, or a number is out of range"
    return response(422, "request/invalid", text)


async def _last_resort(_request: Request, why: Exception) -> JSONResponse:
    return unexpected(why)


def install(app: FastAPI, refusals: Mapping[type[Exception], HTTPStatus]) -> None:
    """Answer every error of `app` with a problem document.

    Args:
        refusals: typed errors of pure rules (they know no HTTP) and the status each becomes; the
            error's `urn` attribute and its text are shown, with its `extensions` if it has any.
    """

    async def by_rule(_request: Request, why: Exception) -> JSONResponse:
        status = next(s for kind, s in refusals.items() if isinstance(why, kind))
        urn = str(getattr(why, "urn", "request/invalid"))
        return response(status, urn, str(why), **getattr(why, "extensions", {}))

    app.add_exception_handler(Refused, _refused)
    for kind in refusals:
        app.add_exception_handler(kind, by_rule)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(DataError, _not_storable)
    app.add_exception_handler(UnicodeEncodeError, _not_storable)
    app.add_exception_handler(Exception, _last_resort)
