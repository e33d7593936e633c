"""The words of an encoder that was trained on the corpus.

Revision 0004, after 0003. Empty until `kb model train`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "encoder_words",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_encoder_words_model_id_models"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", "word", name=op.f("pk_encoder_words")),
    )


def downgrade() -> None:
    """Take it away again, and the models that are nothing without it."""
    adapted = "SELECT id FROM models WHERE source LIKE 'adapted:%'"
    op.execute(f"DELETE FROM embeddings WHERE model_id IN ({adapted})")
    op.execute("DELETE FROM models WHERE source LIKE 'adapted:%'")
    op.execute(
        "UPDATE models SET active = 1 WHERE id = (SELECT min(id) FROM models) AND NOT EXISTS"
        " (SELECT 1 FROM models WHERE active)"
    )
    op.drop_table("encoder_words")
