"""Make the table of refunds, and what several replicas need to share their work.

Payments keep the id of their fraud review, which a PSP may stop naming once it is closed. Outbox
and inbox carry the trace that a line or webhook belongs to. What a PSP knows by one reference is
one payment: the index of references becomes unique. Changes that a PSP has accepted and not ended
are found by an index of their own.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None

_KNOWN: Final = sa.text("psp_reference <> ''")
_UNFINISHED: Final = sa.text("state = 'processing' AND authorized_minor > 0")
_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _added(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Make them."""
    op.add_column("payments", _added("review_reference"))
    op.drop_index("ix_payments_psp", table_name="payments")
    op.create_index(
        "uq_payments_psp",
        "payments",
        ["psp_account", "psp_reference"],
        unique=True,
        postgresql_where=_KNOWN,
        sqlite_where=_KNOWN,
    )
    op.create_index(
        "ix_payments_unfinished",
        "payments",
        ["id"],
        postgresql_where=_UNFINISHED,
        sqlite_where=_UNFINISHED,
    )
    op.add_column("outbox", _added("trace_context"))
    op.add_column("inbox", _added("trace_context"))
    _refunds()
    _job_leases()


def _refunds() -> None:
    op.create_table(
        "refunds",
        _text("id"),
        sa.Column("payment_id", sa.Text, nullable=False),
        _text("order_id"),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        _text("currency"),
        _text("state"),
        _text("cause"),
        _text("reason"),
        _text("psp_account"),
        _text("psp_reference"),
        _text("failure_json"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_refunds_payment_id"),
    )
    op.create_index("ix_refunds_payment", "refunds", ["payment_id", "id"])
    op.create_index("ix_refunds_order", "refunds", ["order_id", "id"])
    # A PSP's refund is one row, whoever learns of it first.
    op.create_index(
        "uq_refunds_psp",
        "refunds",
        ["psp_account", "psp_reference"],
        unique=True,
        postgresql_where=_KNOWN,
        sqlite_where=_KNOWN,
    )


def _job_leases() -> None:
    op.create_table(
        "job_leases",
        _text("name"),
        _text("holder"),
        sa.Column("lease_time", _TIME, nullable=False),
        _text("cursor"),
        sa.PrimaryKeyConstraint("name", name="pk_job_leases"),
    )
