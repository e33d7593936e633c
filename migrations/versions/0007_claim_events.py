"""What became of claims, build by build: what a digest of news is made from.

Revision 0007, after 0006. Builds before it left no events.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "claim_events",
        sa.Column("build_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint("event IN ('new','changed','gone')", name=op.f("ck_claim_events_event")),
        sa.ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name=op.f("fk_claim_events_build_id_builds"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("build_id", "key", name=op.f("pk_claim_events")),
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("claim_events")
