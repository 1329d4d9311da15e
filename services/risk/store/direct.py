"""Reads that need no ORM: async psycopg, one statement or one snapshot at a time.

For the few paths where the ORM would cost more than the work: hot reads and exports. Connections
log in as the same role as the service's other ones, so row-level security judges them alike.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString
from weakref import WeakKeyDictionary

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy.engine import URL

from services.kit.db import NEVER_REVOKED, Actor, Plumbing
from services.kit.log import log
from services.kit.problems import Unauthenticated, Unavailable

Row = tuple[Any, ...]
Connection = psycopg.AsyncConnection[Row]
_PATIENCE_SECONDS = 2.0
_SETTINGS = "-c statement_timeout=5000 -c lock_timeout=4000 -c timezone=UTC"


class Direct:
    """A handful of async connections of one role; a further reader waits two seconds at most."""

    def __init__(self, plumbing: Plumbing, url: URL, *, size: int = 4) -> None:
        """Take the URL of a role; connect when first used."""
        self._open = sql.SQL(
            "SELECT set_config('rensho.org', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true), EXISTS"
            " (SELECT FROM {}.access_revoked WHERE subject IN (%s, %s) AND not_before >= %s)"
        ).format(sql.Identifier(plumbing.service))
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._free = asyncio.Semaphore(size)
        self._idle: deque[Connection] = deque()
        self._statements: WeakKeyDictionary[Connection, dict[str, bytes]] = WeakKeyDictionary()

    async def rows(
        self, statement: LiteralString, values: Sequence[str | None]
    ) -> list[list[bytes | None]]:
        """Run one statement as its own transaction; return its rows as the database sends them.

        Straight through libpq: adapting values and waiting as a cursor does would cost more than
        the statement.

        Args:
            statement: with `$1`, `$2`, …; prepared once per connection.
            values: in text format; the statement says by its casts what they are.

        Raises:
            Unavailable: the database is away, or all connections are taken.
            psycopg.Error: the database refused the statement.
        """
        given = [None if value is None else value.encode() for value in values]
        async with self._taken() as connection:
            link = connection.pgconn
            name = await self._prepared(connection, statement)
            link.send_query_prepared(name, given, result_format=Format.BINARY)
            result = await _answered(link)
            if result.status != ExecStatus.TUPLES_OK:
                raise psycopg.errors.error_from_result(result)
            columns = range(result.nfields)
            return [[result.get_value(row, c) for c in columns] for row in range(result.ntuples)]

    async def _prepared(self, connection: Connection, statement: LiteralString) -> bytes:
        """Return the name of a statement that this connection has prepared."""
        known = self._statements.setdefault(connection, {})
        if (name := known.get(statement)) is None:
            name = b"direct_%d" % len(known)
            connection.pgconn.send_prepare(name, statement.encode())
            result = await _answered(connection.pgconn)
            if result.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
            known[statement] = name
        return name

    @asynccontextmanager
    async def snapshot(self, actor: Actor, *, idle_seconds: int) -> AsyncIterator[Connection]:
        """Open one read-only transaction as `actor`; all its reads see one moment.

        Args:
            actor: who reads; its organization's rows can be seen.
            idle_seconds: a caller that asks for nothing so long is cut off.

        Raises:
            Unauthenticated: the actor's access was revoked after its token was issued.
            Unavailable: as `rows`.
        """
        async with self._taken() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            org, idle = str(actor.org or ""), f"{idle_seconds}s"
            opened = await connection.execute(
                self._open, [org, idle, actor.subject, org, actor.issued_at or NEVER_REVOKED]
            )
            if ((await opened.fetchone()) or [None])[-1]:
                msg = "this access was withdrawn"
                raise Unauthenticated(msg)
            yield connection
            await connection.execute("COMMIT")

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[Connection]:
        try:
            # A timer costs more than a semaphore that is free.
            if self._free.locked():
                await asyncio.wait_for(self._free.acquire(), _PATIENCE_SECONDS)
            else:
                await self._free.acquire()
        except TimeoutError as why:
            msg = "all database connections for reading are taken; try again"
            raise Unavailable(msg) from why
        connection = None
        try:
            connection = await self._connected()
            yield connection
        except psycopg.OperationalError as why:
            log.error("database away", exc_info=why)
            msg = "the database is away; try again"
            raise Unavailable(msg, retry_after=2) from why
        finally:
            self._free.release()
            if connection is not None:
                self._give_back(connection)

    async def _connected(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not _has_ended(connection):
                return connection
            connection.pgconn.finish()
        return await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            prepare_threshold=1,
            options=_SETTINGS,
            application_name="rensho_direct",
        )

    def _give_back(self, connection: Connection) -> None:
        # In the middle of something (a reader that left, a failure): its state is nobody's to mend.
        if connection.info.transaction_status is TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.pgconn.finish()

    def close(self) -> None:
        """Give all connections back to the server."""
        while self._idle:
            self._idle.pop().pgconn.finish()


def _has_ended(connection: Connection) -> bool:
    if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
        return True
    # Nobody asked it anything, so what can be read is the server's farewell.
    readable, _, _ = select.select([connection.pgconn.socket], [], [], 0)
    return bool(readable)


async def _answered(link: PGconn) -> PGresult:
    """Send what is queued, wait without blocking, and return the one result of a query."""
    loop = asyncio.get_running_loop()
    while link.flush():
        await _ready(loop, link.socket, loop.add_writer, loop.remove_writer)
    while link.is_busy():
        await _ready(loop, link.socket, loop.add_reader, loop.remove_reader)
        link.consume_input()
    result = link.get_result()
    assert result is not None
    while link.get_result() is not None:
        """A query that is over ends with None."""
    return result


async def _ready(
    loop: asyncio.AbstractEventLoop,
    descriptor: int,
    watch: Callable[..., None],
    forget: Callable[[int], object],
) -> None:
    there = loop.create_future()
    watch(descriptor, _tell, there)
    try:
        await there
    finally:
        forget(descriptor)


def _tell(there: asyncio.Future[None]) -> None:
    if not there.done():
        there.set_result(None)
