"""Find the orders that were held."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None

_HELD: Final = sa.text("type = 'order_held'")


def upgrade() -> None:
    """Index the lines that tell of one."""
    op.create_index(
        "ix_journal_held", "journal", ["order_id"], postgresql_where=_HELD, sqlite_where=_HELD
    )
