"""Nearest claims of other posts, ties between articles, and what readers said of conflicts.

Revision 0005, after 0004. The next build fills the first two.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and the mark of what a claim's neighbours were found with."""
    op.add_column("claims", sa.Column("link_state", sa.String(), nullable=True))
    op.create_table(
        "neighbours",
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_neighbours_claim_id_claims"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["claims.id"], name=op.f("fk_neighbours_other_id_claims"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("claim_id", "other_id", name=op.f("pk_neighbours")),
    )
    op.create_index(op.f("ix_neighbours_other_id"), "neighbours", ["other_id"])
    op.create_table(
        "article_links",
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("shared", sa.Integer(), nullable=False),
        sa.Column("ties", sa.JSON(), nullable=False),
        sa.CheckConstraint("a_id <> b_id", name=op.f("ck_article_links_two")),
        sa.ForeignKeyConstraint(["a_id"], ["posts.id"], name=op.f("fk_article_links_a_id_posts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["posts.id"], name=op.f("fk_article_links_b_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("a_id", "b_id", name=op.f("pk_article_links")),
    )
    op.create_index(op.f("ix_article_links_b_id"), "article_links", ["b_id"])
    op.create_table(
        "reviews",
        sa.Column("a", sa.String(), nullable=False),
        sa.Column("b", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.CheckConstraint("a < b", name=op.f("ck_reviews_order")),
        sa.CheckConstraint("state IN ('reviewed','dismissed')", name=op.f("ck_reviews_state")),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_reviews")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("reviews")
    op.drop_table("article_links")
    op.drop_table("neighbours")
    op.drop_column("claims", "link_state")
