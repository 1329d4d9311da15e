"""Reads past the ORM: the same rights, a limit, and no connection that outlives its use badly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.identity.store import PLUMBING
from services.kit.db import Actor, new_id
from services.kit.problems import Unauthenticated, Unavailable
from services.kit.settings import Settings
from services.risk.store.direct import Direct

PID = "SELECT pg_backend_pid()::text"


@pytest.fixture
def direct(own_settings: Settings) -> Iterator[Direct]:
    made = Direct(PLUMBING, own_settings.service_url("identity", "app"), size=1)
    yield made
    made.close()


async def pid(direct: Direct) -> bytes | None:
    ((found,),) = await direct.rows(PID, [])
    return found


def test_values_go_in_as_text_and_come_out_as_bytes(direct: Direct) -> None:
    statement = "SELECT $1::text, $2::uuid, $3::text, convert_to(upper($1::text), 'UTF8')"
    asked = new_id()
    ((text, uuid, nothing, upper),) = asyncio.run(
        direct.rows(statement, ["東京 ' \\ b", str(asked), None])
    )
    assert text == "東京 ' \\ b".encode()
    assert uuid == asked.bytes
    assert (nothing, upper) == (None, "東京 ' \\ B".encode())


def test_a_connection_is_used_again(direct: Direct) -> None:
    async def twice() -> set[bytes | None]:
        return {await pid(direct), await pid(direct)}

    assert len(asyncio.run(twice())) == 1


def test_a_refused_statement_is_an_error_and_the_next_one_works(direct: Direct) -> None:
    async def both() -> bytes | None:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await direct.rows("SELECT 1 / $1::int", ["0"])
        with pytest.raises(psycopg.errors.UndefinedTable):
            await direct.rows("SELECT 1 FROM identity.nothing", [])
        return await pid(direct)

    assert asyncio.run(both())


def test_a_connection_the_server_ended_is_replaced(
    direct: Direct, admin: psycopg.Connection[Any]
) -> None:
    async def around() -> tuple[bytes | None, bytes | None]:
        before = await pid(direct)
        assert before is not None
        admin.execute("SELECT pg_terminate_backend(%s::int)", [before.decode()])
        await asyncio.sleep(0.2)
        return before, await pid(direct)

    before, after = asyncio.run(around())
    assert before != after


def test_a_database_that_is_away_is_a_503(own_settings: Settings) -> None:
    url = own_settings.service_url("identity", "app").set(
        host="127.0.0.1", port=1, query={"connect_timeout": "1"}
    )
    with pytest.raises(Unavailable) as caught:
        asyncio.run(Direct(PLUMBING, url).rows(PID, []))
    assert caught.value.headers["Retry-After"] == "2"


def test_who_waits_too_long_for_a_connection_is_told_so(
    direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.risk.store.direct._PATIENCE_SECONDS", 0.1)

    async def crowd() -> bytes | None:
        async with direct.snapshot(Actor("one", new_id()), idle_seconds=5):
            with pytest.raises(Unavailable):
                await pid(direct)
        return await pid(direct)

    assert asyncio.run(crowd())


def test_a_reader_that_leaves_in_the_middle_costs_one_connection(direct: Direct) -> None:
    async def leave() -> tuple[bytes | None, bytes | None]:
        before = await pid(direct)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(direct.rows("SELECT pg_sleep(3)", []), 0.1)
        return before, await pid(direct)

    before, after = asyncio.run(leave())
    assert before != after


def test_a_snapshot_reads_one_moment_as_its_tenant_and_writes_nothing(direct: Direct) -> None:
    org = new_id()

    async def look() -> Any:
        async with direct.snapshot(Actor("one", org), idle_seconds=5) as reader:
            found = await reader.execute("SELECT current_setting('rensho.org')")
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await reader.execute("CREATE TEMP TABLE x ()")
            return await found.fetchone()

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        asyncio.run(_failing(direct))
    assert asyncio.run(look()) == (str(org),)


async def _failing(direct: Direct) -> None:
    async with direct.snapshot(Actor("one", new_id()), idle_seconds=5) as reader:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await reader.execute("SELECT 1 / 0")
        await reader.execute("SELECT 1")


def test_withdrawn_access_opens_no_snapshot(direct: Direct, admin: psycopg.Connection[Any]) -> None:
    subject, moment = f"urn:rensho:client:{new_id()}", datetime(2026, 11, 20, tzinfo=UTC)
    admin.execute("INSERT INTO identity.access_revoked VALUES (%s, %s)", [subject, moment])

    async def enter() -> None:
        actor = Actor(subject, new_id(), issued_at=moment)
        async with direct.snapshot(actor, idle_seconds=5):
            pytest.fail("it was opened")

    with pytest.raises(Unauthenticated):
        asyncio.run(enter())
