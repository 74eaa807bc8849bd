"""Make the tables of the financial account.

Those who have captured payments from before get no postings for them: nobody reported an invoice
of them yet, and who does so now finds them.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_WAITING: Final = sa.text("next_attempt_time IS NOT NULL")
_REFUSED: Final = sa.text("state = 'refused'")


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    """Make them."""
    _postings()
    op.create_table(
        "account_orders",
        *_texts("order_id", "currency"),
        _number("invoiced_minor"),
        _number("shipped_minor"),
        _number("version"),
        sa.PrimaryKeyConstraint("order_id", name="pk_account_orders"),
        sa.CheckConstraint(
            "0 <= shipped_minor AND shipped_minor <= invoiced_minor",
            name=op.f("ck_account_orders_sums"),
        ),
    )


def _postings() -> None:
    op.create_table(
        "account_postings",
        *_texts("key", "customer_id", "order_id", "kind"),
        _number("amount_minor"),
        *_texts("currency", "reference"),
        sa.Column("booking_time", _TIME, nullable=False),
        *_texts("state"),
        _number("attempts"),
        sa.Column("next_attempt_time", _TIME),
        *_texts("last_error"),
        sa.PrimaryKeyConstraint("key", name="pk_account_postings"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_account_postings_amount")),
    )
    op.create_index("ix_account_postings_order", "account_postings", ["order_id", "kind"])
    op.create_index(
        "ix_account_postings_due",
        "account_postings",
        ["next_attempt_time"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )
    op.create_index(
        "ix_account_postings_refused",
        "account_postings",
        ["key"],
        postgresql_where=_REFUSED,
        sqlite_where=_REFUSED,
    )
