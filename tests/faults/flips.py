"""One bit of one cell of the evidence is flipped, `fsck` must name its row, the bit goes back."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB

from services import parts
from services.kit.damage import key_name
from services.kit.settings import Settings
from tests.faults.columns import evidence

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Flip:
    """A cell that was altered; `key` is the primary key its row has now."""

    service: str
    table: str
    key: tuple[Any, ...]
    column: str
    before: Any

    @property
    def row(self) -> str:
        """What `fsck` must call the row."""
        return key_name(self.key)

    def __str__(self) -> str:
        return f"{self.service}.{self.table} {self.row} {self.column}: {self.before!r:.60}"


def flipped(value: Any, chance: random.Random) -> Any:  # noqa: PLR0911 (one per type)
    """Return the value with one bit flipped; None where there is no bit in it."""
    match value:
        case bool():
            return not value
        case int():
            return value ^ (1 << chance.randrange(15))
        case bytes() if value:
            bit = chance.randrange(len(value) * 8)
            data = bytearray(value)
            data[bit // 8] ^= 1 << bit % 8
            return bytes(data)
        case str() if value:
            return _flipped_text(value, chance)
        case datetime():
            microseconds = (value - _EPOCH) // _MICROSECOND
            return _EPOCH + (microseconds ^ (1 << chance.randrange(52))) * _MICROSECOND
        case date():
            return date.fromordinal(value.toordinal() ^ (1 << chance.randrange(12)))
        case UUID():
            return UUID(int=value.int ^ (1 << chance.randrange(128)))
        case list() | dict():
            return _flipped_inside(value, chance)
    return None


def _flipped_text(value: str, chance: random.Random) -> str:
    while True:
        at = chance.randrange(len(value))
        changed = chr(ord(value[at]) ^ (1 << chance.randrange(7)))
        # PostgreSQL itself holds no zero byte; everything else may be damage.
        if changed != "\0":
            return value[:at] + changed + value[at + 1 :]


def _flipped_inside(value: list[Any] | dict[str, Any], chance: random.Random) -> Any:
    altered = copy.deepcopy(value)
    cells = [cell for cell in _cells(altered) if flipped(cell[0][cell[1]], chance) is not None]
    if not cells:
        return None
    holder, key = chance.choice(cells)
    holder[key] = flipped(holder[key], chance)
    return altered


def _cells(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (container, key) of everything in a JSON value that is no container."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if isinstance(inner, (dict, list)):
            yield from _cells(inner)
        elif isinstance(inner, (str, int)):
            yield value, key


class Flipper:
    """Flips cells of one deployment's evidence as the superuser, whom no grant binds."""

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        assert settings.database_url is not None
        self._settings, self._chance = settings, chance
        self._admin = psycopg.connect(
            settings.database_url.get_secret_value(),
            autocommit=True,
            # Foreign keys do not hold back a bit that flips on the disk.
            options="-c session_replication_role=replica",
        )
        self._cells = [(table, column) for table, some in evidence().items() for column in some]
        self.empty: set[str] = set()
        self.refused = 0

    def close(self) -> None:
        """Give the connection back."""
        self._admin.close()

    def one(self) -> tuple[Flip, bool]:
        """Flip one bit, look, flip it back; returns what was flipped and whether it was found."""
        while True:
            flip = self._try()
            if flip is not None:
                break
        found = parts.fsck(flip.service, self._settings, lambda _: None)
        self._put_back(flip)
        return flip, (flip.table, flip.row) in {(one.table, one.row) for one in found}

    def _try(self) -> Flip | None:
        name, column = self._chance.choice(self._cells)
        service, _, bare = name.partition(".")
        query = sql.SQL("SELECT ctid::text, {} FROM {} WHERE {} IS NOT NULL").format(
            sql.Identifier(column), sql.Identifier(service, bare), sql.Identifier(column)
        )
        rows = self._admin.execute(query).fetchall()
        if not rows:
            self.empty.add(f"{name}.{column}")
            return None
        place, before = self._chance.choice(rows)
        after = flipped(before, self._chance)
        if after is None:
            return None
        try:
            return self._flip(service, bare, column, place, before, after)
        except (psycopg.IntegrityError, psycopg.DataError):
            # A second row of that name, or a value out of bounds: the database itself says no.
            self.refused += 1
            return None

    def _flip(
        self, service: str, bare: str, column: str, place: str, before: Any, after: Any
    ) -> Flip:
        table = self._table(service, bare)
        key = [one.name for one in table.primary_key]
        query = sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s::tid RETURNING {}").format(
            sql.Identifier(service, bare),
            sql.Identifier(column),
            sql.SQL(", ").join(map(sql.Identifier, key)),
        )
        row = self._admin.execute(query, [self._bound(table, column, after), place]).fetchone()
        assert row is not None
        return Flip(service, bare, tuple(row), column, before)

    def _put_back(self, flip: Flip) -> None:
        table = self._table(flip.service, flip.table)
        match = sql.SQL(" AND ").join(
            sql.SQL("{} = %s").format(sql.Identifier(one.name)) for one in table.primary_key
        )
        query = sql.SQL("UPDATE {} SET {} = %s WHERE ").format(
            sql.Identifier(flip.service, flip.table), sql.Identifier(flip.column)
        )
        before = self._bound(table, flip.column, flip.before)
        done = self._admin.execute(query + match, [before, *flip.key])
        assert done.rowcount == 1, f"{flip} was not put back"

    @staticmethod
    def _table(service: str, bare: str) -> Table:
        metadata = parts.part(service).PLUMBING.outbox.metadata
        return metadata.tables[f"{service}.{bare}"]

    @staticmethod
    def _bound(table: Table, column: str, value: Any) -> Any:
        return Jsonb(value) if isinstance(table.columns[column].type, JSONB) else value
