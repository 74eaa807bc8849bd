"""The tables of reconciliation: runs, the PSPs' lines, whose word each day is, discrepancies."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.storage.tables import UtcDateTime, metadata

reconciliations = sa.Table(
    "reconciliations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("psp_account", sa.Text, nullable=False),
    # Whole days in UTC, as ISO 8601.
    sa.Column("first_day", sa.Text, nullable=False),
    sa.Column("last_day", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("report_reference", sa.Text, nullable=False),
    sa.Column("report_attempt", sa.BigInteger, nullable=False),
    sa.Column("line_count", sa.BigInteger, nullable=False),
    # Opening and closing by currency; NULL if the PSP does not tell them.
    sa.Column("balances_json", sa.Text),
    sa.Column("totals_json", sa.Text, nullable=False),
    sa.Column("counts_json", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Index("ix_reconciliations_account", "psp_account", "id"),
)

settlement_lines = sa.Table(
    "settlement_lines",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("line_number", sa.BigInteger, primary_key=True),
    sa.Column("psp_account", sa.Text, nullable=False),
    # Of the period, in days since 1970.
    sa.Column("day", sa.BigInteger, nullable=False),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("raw_category", sa.Text, nullable=False),
    # Microseconds since 1970: rows come in bulk, as texts and numbers.
    sa.Column("occurred_us", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("gross_minor", sa.BigInteger, nullable=False),
    sa.Column("fee_minor", sa.BigInteger, nullable=False),
    sa.Column("net_minor", sa.BigInteger, nullable=False),
    # What the line is about: payment, refund or the line itself, and its name there.
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject_reference", sa.Text, nullable=False),
    sa.Column("payment_reference", sa.Text, nullable=False),
    sa.Column("refund_reference", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("refund_id", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Index("ix_settlement_lines_subject", "subject_reference", "psp_account"),
)

settlement_days = sa.Table(
    "settlement_days",
    metadata,
    # The run whose lines are the PSP's word on a day: the last one that read a report of it to its
    # end. Lines of other runs count for nothing.
    sa.Column("psp_account", sa.Text, primary_key=True),
    sa.Column("day", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False, index=True),
)

discrepancies = sa.Table(
    "discrepancies",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject_reference", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    # NULL if that side has nothing.
    sa.Column("ours_minor", sa.BigInteger),
    sa.Column("psp_minor", sa.BigInteger),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("occurred_time", UtcDateTime, nullable=False),
    sa.Column("ours_json", sa.Text, nullable=False),
    sa.Column("psp_json", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("first_run_id", sa.Text, nullable=False),
    sa.Column("last_run_id", sa.Text, nullable=False),
    sa.Column("first_seen_time", UtcDateTime, nullable=False),
    sa.Column("last_seen_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    # Empty as long as nobody gave one.
    sa.Column("resolution", sa.Text, nullable=False),
    sa.Column("healed_reason", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    # Found again, it is the same one.
    sa.UniqueConstraint("psp_account", "subject_reference", "subject_kind", "type"),
    sa.Index("ix_discrepancies_state", "psp_account", "state", "id"),
    sa.Index("ix_discrepancies_run", "last_run_id", "id"),
)
