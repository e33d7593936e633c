"""Inserting many rows at once, without what SQLAlchemy does for each of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, Connection, Table

from kb.models import Base

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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
    table = model.__table__
    assert isinstance(table, Table)  # no joins among the models
    names = list(rows[0])
    as_json = {column.name for column in table.columns if isinstance(column.type, JSON)}
    columns = [
        [_encode(row[name]) for row in rows] if name in as_json else [row[name] for row in rows] for name in names
    ]
    quoted = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})'
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
