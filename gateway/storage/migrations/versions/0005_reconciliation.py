"""Make the tables of reconciliation, and find journal lines by their time.

What was captured and refunded in a period is asked of the journal.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None

_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [_text(name) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, _TIME, nullable=False)


def upgrade() -> None:
    """Make them."""
    op.create_index("ix_journal_create_time", "journal", ["create_time"])
    _runs()
    _lines()
    _discrepancies()


def _runs() -> None:
    op.create_table(
        "reconciliations",
        *_texts("id", "psp_account", "first_day", "last_day", "state", "detail"),
        _text("report_reference"),
        _number("report_attempt"),
        _number("line_count"),
        sa.Column("balances_json", sa.Text),
        *_texts("totals_json", "counts_json"),
        _time("create_time"),
        _time("update_time"),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    op.create_index("ix_reconciliations_account", "reconciliations", ["psp_account", "id"])


def _lines() -> None:
    op.create_table(
        "settlement_lines",
        _text("run_id"),
        _number("line_number"),
        _text("psp_account"),
        _number("day"),
        *_texts("entry_id", "category", "raw_category"),
        _number("occurred_us"),
        _text("currency"),
        _number("gross_minor"),
        _number("fee_minor"),
        _number("net_minor"),
        *_texts("subject_kind", "subject_reference", "payment_reference", "refund_reference"),
        *_texts("payment_id", "refund_id", "description"),
        sa.PrimaryKeyConstraint("run_id", "line_number", name="pk_settlement_lines"),
    )
    op.create_index(
        "ix_settlement_lines_subject", "settlement_lines", ["subject_reference", "psp_account"]
    )
    op.create_table(
        "settlement_days",
        _text("psp_account"),
        _number("day"),
        _text("run_id"),
        sa.PrimaryKeyConstraint("psp_account", "day", name="pk_settlement_days"),
    )
    op.create_index("ix_settlement_days_run_id", "settlement_days", ["run_id"])


def _discrepancies() -> None:
    op.create_table(
        "discrepancies",
        *_texts("id", "psp_account", "type", "subject_kind", "subject_reference", "state"),
        _text("currency"),
        sa.Column("ours_minor", sa.BigInteger),
        sa.Column("psp_minor", sa.BigInteger),
        _text("description"),
        _time("occurred_time"),
        *_texts("ours_json", "psp_json", "payment_id", "order_id", "first_run_id", "last_run_id"),
        _time("first_seen_time"),
        _time("last_seen_time"),
        _time("update_time"),
        *_texts("owner", "note", "resolution", "healed_reason"),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name="pk_discrepancies"),
        sa.UniqueConstraint(
            "psp_account",
            "subject_reference",
            "subject_kind",
            "type",
            name="uq_discrepancies_psp_account",
        ),
    )
    op.create_index("ix_discrepancies_state", "discrepancies", ["psp_account", "state", "id"])
    op.create_index("ix_discrepancies_run", "discrepancies", ["last_run_id", "id"])
