"""What a check of stored bytes needs: a name for damage, and a way to walk through large tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ForeignKeyConstraint,
    MetaData,
    Select,
    Table,
    and_,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.orm import Session

Seen = Callable[[int], None]
_AT_ONCE = 500


@dataclass(frozen=True)
class Damage:
    """Something that is not as it was written: where, and what is wrong with it.

    `row` is the primary key, its columns in the order of the table, joined by a slash.
    """

    table: str
    row: str
    what: str


def damaged(row: Any, what: str) -> Damage:
    """Return the damage of one mapped row."""
    return Damage(row.__tablename__, name_of(row), what)


def name_of(row: Any) -> str:
    """Return the name of a mapped row, as `Damage.row` has it."""
    return key_name(inspect(row).identity)


def key_name(values: Iterable[Any]) -> str:
    """Return the name of a row by the values of its primary key; bytes are told in hex."""
    return "/".join(one.hex() if isinstance(one, bytes) else str(one) for one in values)


@dataclass(frozen=True)
class Look:
    """One transaction to look through; `seen` is told of every row that was looked at."""

    tx: Session
    seen: Seen = lambda _: None

    def take_time(self) -> None:
        """Let this transaction last: deriving a large table anew outlasts any request."""
        self.tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1h'"))
        self.tx.execute(text("SET LOCAL statement_timeout = '1h'"))

    def chunks(self, query: Select[*tuple[Any, ...]]) -> Iterator[list[Any]]:
        """Yield the result in lists of at most 500, without holding all of it in memory.

        A row is a mapped object where the query asks for one thing, else a tuple.
        """
        result = self.tx.execute(query.execution_options(yield_per=_AT_ONCE))
        single = len(query.column_descriptions) == 1
        for rows in (result.scalars() if single else result).partitions():
            self.seen(len(rows))
            yield list(rows)

    def each(self, query: Select[*tuple[Any, ...]]) -> Iterator[Any]:
        """Yield the rows of `chunks` one by one."""
        for rows in self.chunks(query):
            yield from rows


def orphans(look: Look, metadata: MetaData) -> Iterator[Damage]:
    """Yield every row that refers to one which is not there, by any foreign key of a schema.

    The database refuses such rows; a bit that flips on the disk does not ask it. Tables that the
    asking role may not read are passed over.
    """
    for table in metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            if all(_is_readable(look.tx, one) for one in (table, key.referred_table)):
                yield from _orphans(look, table, key)


def _orphans(look: Look, table: Table, key: ForeignKeyConstraint) -> Iterator[Damage]:
    parent = key.referred_table.alias()
    same = and_(*(parent.c[one.column.name] == one.parent for one in key.elements))
    names = ", ".join(one.parent.name for one in key.elements)
    query = select(*table.primary_key).where(
        *(one.parent.is_not(None) for one in key.elements),
        ~select(1).select_from(parent).where(same).exists(),
    )
    for row in look.tx.execute(query):
        yield Damage(table.name, key_name(row), f"what {names} refers to is missing")


def _is_readable(tx: Session, table: Table) -> bool:
    return bool(tx.scalar(select(func.has_table_privilege(str(table), "SELECT"))))
