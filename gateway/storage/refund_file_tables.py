"""The tables of refund files: files as they were received, their lines, and what they move."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.storage.tables import UtcDateTime, metadata, partial_index, refunds

refund_batches = sa.Table(
    "refund_batches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    # Grows with each commit of lines: whoever reads a file a second time goes on behind it.
    sa.Column("last_line", sa.BigInteger, nullable=False),
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.BigInteger, nullable=False),
    # Of the folder's files: when the result was written, and what it told: the versions of its
    # refunds, added up. Times would not do: a change may be stored after a later one.
    sa.Column("result_time", UtcDateTime),
    sa.Column("told_versions", sa.BigInteger),
    sa.Index("ix_refund_batches_create_time", "create_time"),
)

refund_batch_lines = sa.Table(
    "refund_batch_lines",
    metadata,
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("line_number", sa.BigInteger, primary_key=True),
    # Empty if the line names none that can be read.
    sa.Column("movement_id", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    # Both empty unless it was refused.
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)

refund_movements = sa.Table(
    "refund_movements",
    metadata,
    # One row a movement, for ever: what comes under its id later is this one.
    sa.Column("movement_id", sa.Text, primary_key=True),
    sa.Column("batch_id", sa.Text, nullable=False, index=True),
    sa.Column("line_number", sa.BigInteger, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("psp_reference", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("country_code", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # Written in the commit that begins the refund; empty before, and again if it never got there.
    sa.Column("refund_id", sa.Text, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    # When it may be sent; NULL once it was, or is refused.
    sa.Column("next_attempt_time", UtcDateTime),
    # Why it was refused, or put off last.
    sa.Column("refusal", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
)
WAITING_MOVEMENT: Final = sa.text("next_attempt_time IS NOT NULL")
partial_index(
    "ix_refund_movements_due",
    refund_movements.c.psp_account,
    refund_movements.c.next_attempt_time,
    refund_movements.c.movement_id,
    where=WAITING_MOVEMENT,
)
SENT_MOVEMENT: Final = sa.text("refund_id <> ''")
# A refund is one movement's at most.
partial_index(
    "uq_refund_movements_refund", refund_movements.c.refund_id, where=SENT_MOVEMENT, unique=True
)
UNSETTLED_REFUND: Final = sa.text("state IN ('outcome_unknown', 'pending', 'requires_action')")
"""Written out, since a partial index serves only a statement that repeats its condition."""
partial_index("ix_refunds_unsettled", refunds.c.create_time, refunds.c.id, where=UNSETTLED_REFUND)
