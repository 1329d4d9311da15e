"""Many rows in one statement.

COPY would be a little faster and PostgreSQL refuses it on tables with row-level security, which is
on wherever a row has readers. One INSERT over arrays asks the same policies for every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Session

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def insert_many(
    tx: Session, model: type[DeclarativeBase], rows: Iterable[Mapping[str, Any]], **same: Any
) -> None:
    """Insert rows, all with the same columns, none of them an array; `same` is alike in all.

    Raises:
        sqlalchemy.exc.IntegrityError: as one INSERT would.
    """
    listed = list(rows)
    if not listed:
        return
    table, columns = cast("Table", model.__table__), list(listed[0])
    # Bound as `b`: in binary, an array costs half of what its text does. Names and types are the
    # model's own.
    names = ", ".join(f'"{table.c[name].name}"' for name in (*same, *columns))
    typed = {name: table.c[name].type.compile(_DIALECT) for name in (*same, *columns)}
    alike = "".join(f"CAST(%({name})b AS {typed[name]}), " for name in same)
    arrays = ", ".join(f"CAST(%({name})b AS {typed[name]}[])" for name in columns)
    tx.connection().exec_driver_sql(
        f"INSERT INTO {table.fullname} ({names})"  # noqa: S608
        f" SELECT {alike}given.* FROM unnest({arrays}) AS given",
        same | {name: [row[name] for row in listed] for name in columns},
    )
