"""Let changes of aliases be finished without their callers.

Each gets a time at which the resolver may look at it; those that a crash left behind are due at
once. Webhooks keep which method they say was saved with a payment.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None

_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_OPEN: Final = sa.text("state IN ('pending', 'unknown')")


def upgrade() -> None:
    """Add what is missing, and make what is open due."""
    op.add_column(
        "inbox", sa.Column("saved_alias_json", sa.Text, nullable=False, server_default="")
    )
    op.add_column(
        "alias_operations", sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("alias_operations", sa.Column("next_check_time", _TIME))
    op.execute(
        "UPDATE alias_operations SET next_check_time = create_time "
        "WHERE state IN ('pending', 'unknown')"
    )
    op.create_index("ix_alias_operations_customer", "alias_operations", ["customer_id", "id"])
    op.create_index(
        "ix_alias_operations_due",
        "alias_operations",
        ["next_check_time"],
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
