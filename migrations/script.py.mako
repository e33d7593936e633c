"""${message}

Revision ${up_revision}, after ${down_revision | comma,n}.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Bring a database of the revision before up to this one."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take a database of this revision back to the one before."""
    ${downgrades if downgrades else "pass"}
