"""All that a database holds, without the numbers that differ from file to file: what two builds are compared by."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from kb import schema
from kb.models import Base

IGNORED_TABLES = {"builds", "claim_events", "topic_events"}  # what happened, not what is
IGNORED_COLUMNS = {"id", "created"}
NATURAL = {
    "posts": ("path",),
    "drafts": ("post_id", "position"),
    "passages": ("post_id", "position"),
    "sentences": ("post_id", "position"),
    "claims": ("key",),
    "models": ("name",),
    "topics": ("slug",),
    "entities": ("key",),
}


def contents(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table, sorted; references to rows are replaced by what the row is known by."""
    names: dict[str, dict[int, Any]] = {}
    found = {}
    with closing(schema.connect(db)) as connection:
        for table in Base.metadata.sorted_tables:
            if table.name in IGNORED_TABLES:
                continue
            columns = [column.name for column in table.columns]
            quoted = ", ".join(f'"{name}"' for name in columns)
            parents = {c.name: f.column.table.name for c in table.columns for f in c.foreign_keys}
            rows = []
            for values in connection.execute(f"SELECT {quoted} FROM {table.name}"):
                row = dict(zip(columns, values, strict=True))
                for name, parent in parents.items():
                    row[name] = names[parent][row[name]]
                if table.name == "article_links":  # its pairs of claims, in JSON, are ids too
                    row["ties"] = [[names["claims"][claim] for claim in pair] for pair in json.loads(row["ties"])]
                if table.name in NATURAL:
                    key = tuple(row[name] for name in NATURAL[table.name])
                    names.setdefault(table.name, {})[row["id"]] = key
                rows.append(tuple(row[name] for name in columns if name not in IGNORED_COLUMNS))
            found[table.name] = sorted(rows, key=repr)
    return found
