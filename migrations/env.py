"""Alembic's environment: `kb.schema` hands over a connection, a developer a database.

    alembic -x db=kb.db current
    alembic -x db=kb.db revision --autogenerate --rev-id 0002 -m "what changes"

Revisions are numbered 0001, 0002, ... and the file's name begins with the
number: `kb.schema` learns from the names what the newest one is.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection

from kb.config import database_path
from kb.models import Base


def include_name(name: str | None, type_: str, parent_names: Any) -> bool:
    """Hide the tables of full-text indexes: sqlite-utils owns those, and SQLite their shadows."""
    return type_ != "table" or name is None or "_fts" not in name


def run(connection: Connection) -> None:
    """Run the migrations in one transaction, so that a kill leaves the schema as it was."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    from kb.schema import migrating

    with migrating(database_path(context.get_x_argument(as_dictionary=True).get("db"))) as own:
        run(own)
