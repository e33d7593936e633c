"""What is written to and asked of the database; SQLAlchemy Core, in transactions of the caller."""

from kb.store.claims import Changes, from_occurrences, refresh
from kb.store.posts import PostRows, move, remove, replace, rows
from kb.store.queries import (
    article,
    claims_without_terms,
    claims_without_topics,
    counts,
    models,
    occurrences,
    post_states,
    texts_without_vector,
    topics,
)
from kb.store.stages import (
    activate,
    begin_build,
    drop_orphan_vectors,
    end_build,
    put_model,
    put_terms,
    put_topic_links,
    put_topics,
    put_vectors,
)

__all__ = [
    "Changes",
    "PostRows",
    "activate",
    "article",
    "begin_build",
    "claims_without_terms",
    "claims_without_topics",
    "counts",
    "drop_orphan_vectors",
    "end_build",
    "from_occurrences",
    "models",
    "move",
    "occurrences",
    "post_states",
    "put_model",
    "put_terms",
    "put_topic_links",
    "put_topics",
    "put_vectors",
    "refresh",
    "remove",
    "replace",
    "rows",
    "texts_without_vector",
    "topics",
]
