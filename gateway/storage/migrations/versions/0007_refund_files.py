"""Make the tables of refund files, and find refunds that are not confirmed."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: None = None
depends_on: None = None

_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_WAITING: Final = sa.text("next_attempt_time IS NOT NULL")
_SENT: Final = sa.text("refund_id <> ''")
_UNSETTLED: Final = sa.text("state IN ('outcome_unknown', 'pending', 'requires_action')")


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, _TIME, nullable=False) for name in names]


def upgrade() -> None:
    """Make them."""
    _batches()
    _movements()
    op.create_index(
        "ix_refunds_unsettled",
        "refunds",
        ["create_time", "id"],
        postgresql_where=_UNSETTLED,
        sqlite_where=_UNSETTLED,
    )


def _batches() -> None:
    op.create_table(
        "refund_batches",
        *_texts("id", "file_name", "source", "state"),
        *_times("create_time", "update_time"),
        *_texts("message"),
        *_numbers("last_line", "lines", "accepted", "duplicates", "refused"),
        sa.Column("result_time", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_refund_batches"),
    )
    op.create_index("ix_refund_batches_create_time", "refund_batches", ["create_time"])
    op.create_table(
        "refund_batch_lines",
        *_texts("batch_id"),
        *_numbers("line_number"),
        *_texts("movement_id", "outcome", "reason", "message"),
        sa.PrimaryKeyConstraint("batch_id", "line_number", name="pk_refund_batch_lines"),
    )


def _movements() -> None:
    op.create_table(
        "refund_movements",
        *_texts("movement_id", "batch_id"),
        *_numbers("line_number"),
        *_texts("order_id", "payment_id", "psp_account", "psp_reference"),
        *_numbers("amount_minor"),
        *_texts("currency", "reason", "country_code", "digest"),
        *_times("create_time"),
        *_texts("state", "refund_id"),
        *_numbers("attempts"),
        sa.Column("next_attempt_time", _TIME),
        *_texts("refusal", "message"),
        sa.PrimaryKeyConstraint("movement_id", name="pk_refund_movements"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_movements_amount")),
    )
    op.create_index("ix_refund_movements_batch_id", "refund_movements", ["batch_id"])
    op.create_index(
        "ix_refund_movements_due",
        "refund_movements",
        ["psp_account", "next_attempt_time", "movement_id"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )
    op.create_index(
        "uq_refund_movements_refund",
        "refund_movements",
        ["refund_id"],
        unique=True,
        postgresql_where=_SENT,
        sqlite_where=_SENT,
    )
