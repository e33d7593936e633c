"""Discovered topics: their words and their history; what is counted of topics, and how much any two share.

Revision 0006, after 0005. The next build fills them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the tables."""
    op.add_column("topics", sa.Column("terms", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("topics", sa.Column("stats", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
    op.create_table(
        "topic_memory",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_topic_memory")),
    )
    op.create_table(
        "topic_links",
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.CheckConstraint("a_id < b_id", name=op.f("ck_topic_links_order")),
        sa.ForeignKeyConstraint(["a_id"], ["topics.id"], name=op.f("fk_topic_links_a_id_topics"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["topics.id"], name=op.f("fk_topic_links_b_id_topics"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("a_id", "b_id", name=op.f("pk_topic_links")),
    )
    op.create_index(op.f("ix_topic_links_b_id"), "topic_links", ["b_id"])
    op.create_table(
        "topic_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("build_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "event IN ('born','died','split','merged','renamed','adopted')", name=op.f("ck_topic_events_event")
        ),
        sa.ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name=op.f("fk_topic_events_build_id_builds"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_events")),
    )
    op.create_index(op.f("ix_topic_events_build_id"), "topic_events", ["build_id"])
    op.create_index(op.f("ix_topic_events_slug"), "topic_events", ["slug"])


def downgrade() -> None:
    """Take them away again, and the topics that nobody listed."""
    op.drop_table("topic_events")
    op.drop_table("topic_links")
    op.drop_table("topic_memory")
    op.execute("DELETE FROM claim_topics WHERE topic_id IN (SELECT id FROM topics WHERE discovered)")
    op.execute("DELETE FROM topics WHERE discovered")
    op.drop_column("topics", "stats")
    op.drop_column("topics", "terms")
