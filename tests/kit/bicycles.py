"""A shop that uses the kit: its routes are what the edge is tried on."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import psycopg
from fastapi import APIRouter, Response
from sqlalchemy import text

from services.identity.store import Organization
from services.kit import clock
from services.kit.auth import PUBLIC, Who, needs
from services.kit.db import Actor, new_id
from services.kit.outbox import say
from services.kit.problems import Refused
from services.kit.web import Model, OnceOnly, Tx, act_as

Admin = psycopg.Connection[Any]

router = APIRouter()


class Bicycle(Model):
    name: str


class Sold(Model):
    id: UUID
    name: str


class OutOfStock(Refused):
    """There is none left."""

    urn = "bicycles/out-of-stock"


class FlatTyre(Exception):
    urn = "bicycles/flat-tyre"
    extensions: ClassVar = {"wheel": "front"}


@router.post("/bicycles", response_model=Sold, dependencies=[needs("bicycles.write")])
def sell(tx: Tx, who: Who, once: OnceOnly, body: Bicycle) -> Response:
    def work() -> Sold:
        sold = Sold(id=new_id(), name=body.name)
        fields = {"org_id": who.org, "member_id": sold.id, "roles": [], "active": True}
        say(tx, "member.changed.v1", **fields)
        tx.info["details"]["sold"] = str(sold.id)
        return sold

    return once(work)


@router.post("/shops", status_code=201, dependencies=[needs("bicycles.write")])
def open_shop(tx: Tx, who: Who, body: Bicycle) -> dict[str, str]:
    tx.add(Organization(id=who.org, name=body.name, country="JP", enrolled_at=clock.now()))
    tx.flush()
    return {"shop": body.name}


@router.get("/bicycles", dependencies=[needs("bicycles.read")])
def look(tx: Tx, who: Who) -> dict[str, Any]:
    return {"org": tx.scalar(text("SELECT current_setting('rensho.org')")), "name": who.name}


@router.get("/sneaky", dependencies=[needs("bicycles.read")])
def write_while_reading(tx: Tx, who: Who) -> None:
    tx.add(Organization(id=who.org, name="sneaky", country="JP", enrolled_at=clock.now()))
    tx.flush()


@router.post("/refused", dependencies=[needs("bicycles.write")])
def refuse(tx: Tx, who: Who) -> None:
    fields = {"org_id": who.org, "member_id": new_id(), "roles": [], "active": True}
    say(tx, "member.changed.v1", **fields)
    raise OutOfStock("no bicycle is left", left=0)


@router.post("/flat", dependencies=[needs("bicycles.write")])
def ride() -> None:
    raise FlatTyre("the tyre is flat")


@router.post("/crash", dependencies=[needs(PUBLIC)])
def crash() -> None:
    raise RuntimeError("the till holds 12,000 yen")


@router.post("/enter", status_code=204, dependencies=[needs(PUBLIC)])
def enter(tx: Tx, body: Bicycle) -> None:
    act_as(tx, Actor(f"urn:rensho:member:{body.name}", UUID(body.name)))


def said(admin: Admin, org: UUID) -> int:
    row = admin.execute(
        "SELECT count(*) FROM identity.outbox WHERE body->>'org_id' = %s", [str(org)]
    ).fetchone()
    assert row is not None
    return int(row[0])


def audited(admin: Admin, org: UUID) -> list[Any]:
    return admin.execute(
        "SELECT operation, resource, subject, request_id, details FROM identity.audit"
        " WHERE org_id = %s ORDER BY id",
        [org],
    ).fetchall()


def urn(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:rensho:problem:")
