"""Machine clients of one's own organization."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from services.identity.actions import clients as actions
from services.identity.api.edge import Here, Name, after, cursor_after
from services.identity.store import MachineClient
from services.identity.store import clients as store
from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx

router = APIRouter(prefix="/machine-clients", tags=["machine clients"])

QualifiedScope = Annotated[
    str, StringConstraints(pattern=r"^[a-z]+:[a-z]+\.[a-z]+$", max_length=60)
]


class ClientIn(Model):
    """A new program. With `jwk` it proves itself by `private_key_jwt`, else it gets a secret."""

    name: Name
    scopes: Annotated[list[QualifiedScope], Field(min_length=1, max_length=40)] = Field(
        examples=[["risk:scores.read"]]
    )
    jwk: dict[str, Any] | None = Field(
        default=None, description="public P-256 or Ed25519 key (RFC 7517)", max_length=12
    )


class ClientOut(Model):
    """A program that acts for the organization."""

    id: UUID
    name: str
    scopes: list[str]
    jwk: dict[str, Any] | None
    created_at: datetime


class NewClientOut(ClientOut):
    """A new program; `secret` is shown once and is null with a key or in a repeated answer."""

    secret: str | None


class ClientPage(Page):
    """A page of programs, oldest first."""

    items: list[ClientOut]


@router.get("", dependencies=[needs("clients.read")])
def list_machine_clients(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> ClientPage:
    """List the active machine clients of your organization."""
    found = store.page_of(tx, who.org, after=after(cursor), limit=limit + 1)
    return ClientPage(
        items=[ClientOut.model_validate(c) for c in found[:limit]],
        next_cursor=cursor_after([c.id for c in found], limit),
    )


@router.post(
    "", status_code=201, response_model=NewClientOut, dependencies=[needs("clients.write")]
)
def add_machine_client(
    tx: Tx, who: Who, now: Now, here: Here, once: OnceOnly, body: ClientIn
) -> Response:
    """Register a program; its id is the `client_id` of the token endpoint."""
    shown: list[str] = []

    def work() -> NewClientOut:
        client, secret = actions.add(
            tx, who, here, name=body.name, scopes=body.scopes, jwk=body.jwk, now=now
        )
        shown.extend([secret] if secret is not None else [])
        return _new(client)

    kept = once(work)
    if not shown:
        return kept
    # The kept answer has no secret: a repeated call gets the client, never the secret again.
    return JSONResponse({**json.loads(bytes(kept.body)), "secret": shown[0]}, kept.status_code)


@router.delete("/{client_id}", status_code=204, dependencies=[needs("clients.write")])
def end_machine_client(tx: Tx, who: Who, now: Now, client_id: UUID) -> None:
    """End a program's access; its tokens are refused at once."""
    actions.end(tx, who, client_id, now)


def _new(client: MachineClient) -> NewClientOut:
    return NewClientOut(
        id=client.id,
        name=client.name,
        scopes=client.scopes,
        jwk=client.jwk,
        created_at=client.created_at,
        secret=None,
    )
