"""The structured parts of claims: names, figures, dates; what a sentence leans on.

Revision 0003, after 0002. The next build fills all of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _claim(table: str) -> list[sa.schema.SchemaItem]:
    """Return what every table of parts begins and ends with: the claim, the place, the words."""
    return [
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f(f"fk_{table}_claim_id_claims"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("claim_id", "start", name=op.f(f"pk_{table}")),
    ]


def upgrade() -> None:
    """Add columns in place and the tables of parts."""
    op.add_column("claims", sa.Column("parts_state", sa.String(), nullable=True))
    op.add_column("sentences", sa.Column("antecedent", sa.Integer(), nullable=True))
    op.create_table(
        "entities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
        sa.UniqueConstraint("key", name=op.f("uq_entities_key")),
    )
    op.create_index("ix_entities_kind", "entities", ["kind"])
    op.create_table(
        "claim_entities",
        *_claim("claim_entities"),
        sa.Column("entity_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_claim_entities_entity_id_entities"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_claim_entities_entity_id", "claim_entities", ["entity_id"])
    op.create_table(
        "figures",
        *_claim("figures"),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("bound", sa.String(), nullable=False),
    )
    op.create_index("ix_figures_dimension", "figures", ["dimension"])
    op.create_table(
        "claim_dates",
        *_claim("claim_dates"),
        sa.Column("first", sa.String(), nullable=True),
        sa.Column("last", sa.String(), nullable=True),
        sa.Column("relative", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_claim_dates_first", "claim_dates", ["first"])


def downgrade() -> None:
    """Take all of it away again."""
    for table in ("claim_dates", "figures", "claim_entities", "entities"):
        op.drop_table(table)
    for table, column in (("sentences", "antecedent"), ("claims", "parts_state")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
