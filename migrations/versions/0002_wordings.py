"""Claims of several wordings: verdicts, merges, splits; the article's order.

Revision 0002, after 0001. Posts are read again by the next build, which fills
the new columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns in place (no table is copied) and the tables of the merge stage."""
    op.add_column("claims", sa.Column("stock", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("sentences", sa.Column("paragraph", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("occurrences", sa.Column("wording", sa.String(), server_default=sa.text("''"), nullable=False))
    op.create_index("ix_occurrences_wording", "occurrences", ["wording"])
    op.create_table(
        "verdicts",
        sa.Column("a", sa.String(), nullable=False),
        sa.Column("b", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.CheckConstraint("a < b", name=op.f("ck_verdicts_order")),
        sa.CheckConstraint(
            "relation IN ('same','subsumes','conflict','related','unrelated')", name=op.f("ck_verdicts_relation")
        ),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "merges",
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("into", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("wording", name=op.f("pk_merges")),
    )
    op.create_index("ix_merges_into", "merges", ["into"])
    op.create_table(
        "splits",
        sa.Column("a", sa.String(), nullable=False),
        sa.Column("b", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.CheckConstraint("a < b", name=op.f("ck_splits_order")),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_splits")),
    )
    op.create_table(
        "stage_states",
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_stage_states")),
    )


def downgrade() -> None:
    """Take all of it away again; what was merged stays merged until the next build."""
    for table in ("stage_states", "splits", "merges", "verdicts"):
        op.drop_table(table)
    op.drop_index("ix_occurrences_wording", "occurrences")
    for table, column in (("occurrences", "wording"), ("sentences", "paragraph"), ("claims", "stock")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
