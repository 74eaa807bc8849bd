"""Know what the result of a refund file told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the sum of its refunds' versions; results without one are written once more."""
    op.add_column("refund_batches", sa.Column("told_versions", sa.BigInteger))
