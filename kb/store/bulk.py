"""Reading and inserting many rows at once, without what SQLAlchemy does for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, Table

from kb.models import Base

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


_AT_ONCE = 20_000


def read_rows(connection: Connection, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a plain statement, some thousands at a time."""
    cursor = connection.exec_driver_sql(statement, values)
    while rows := cursor.fetchmany(_AT_ONCE):
        yield from map(tuple, rows)


def insert_rows(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of one table that all name the same columns.

    For tens of thousands of rows: `Connection.execute(insert(model), rows)`
    does the same and spends as long in Python as SQLite spends writing.

    Args:
        connection: in a transaction.
        model: the table.
        rows: column -> value; values of JSON columns as Python has them.
    """
    if not rows:
        return
    table = table_of(model)
    names = list(rows[0])
    as_json = {column.name for column in table.columns if isinstance(column.type, JSON)}
    columns = [
        [_encode(row[name]) for row in rows] if name in as_json else [row[name] for row in rows] for name in names
    ]
    insert_tuples(connection, table, names, list(zip(*columns, strict=True)))


def insert_tuples(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows whose values stand in the order of `names`, those of JSON columns written as JSON already."""
    if not rows:
        return
    quoted = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})'
    connection.exec_driver_sql(statement, list(rows))


def table_of(model: type[Base]) -> Table:
    """Return the table of a model."""
    table = model.__table__
    assert isinstance(table, Table)  # no joins among the models
    return table


def to_json(value: Any) -> str:
    """Write the value of a JSON column as `insert_rows` does."""
    return _encode(value)
