"""Find the payments that may go on, or end, without our hearing of it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None

_PROCESSING: Final = sa.text("state = 'processing'")
_FAILED: Final = sa.text("state = 'failed'")


def upgrade() -> None:
    """Index whatever PSPs work on, authorised or not, and what failed by its time."""
    op.drop_index("ix_payments_unfinished", "payments")
    op.create_index(
        "ix_payments_processing",
        "payments",
        ["id"],
        postgresql_where=_PROCESSING,
        sqlite_where=_PROCESSING,
    )
    op.create_index(
        "ix_payments_failed",
        "payments",
        ["update_time", "id"],
        postgresql_where=_FAILED,
        sqlite_where=_FAILED,
    )
