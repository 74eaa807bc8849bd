"""Make the first tables: payments, operations, requests, journal, outbox, inbox, customer links.

A migration stands for itself: it spells out the tables as they are at its revision, and imports
nothing that will change.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None

_TIME: Final = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_OPEN: Final = sa.text("state IN ('pending', 'unknown')")
_WAITING: Final = sa.text("next_attempt_time IS NOT NULL")

# Lets a unit of work, which is one statement, refuse itself; see `unit_sql`.
_EXPECT_ONE: Final = """
CREATE FUNCTION paygate_expect_one(written bigint, guard text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF written <> 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'PG001', MESSAGE = guard;
    END IF;
    RETURN true;
END
$$
"""


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    """Make them."""
    _payments()
    _operations()
    _requests()
    _journal()
    _outbox()
    _inbox()
    _customer_links()
    if op.get_context().dialect.name == "postgresql":
        op.execute(_EXPECT_ONE)


def _payments() -> None:
    op.create_table(
        "payments",
        _text("id"),
        _text("order_id"),
        _text("customer_id"),
        _text("country_code"),
        _text("method"),
        _number("amount_minor"),
        _text("currency"),
        _number("authorized_minor"),
        _number("captured_minor"),
        _number("refunded_minor"),
        _text("state"),
        _text("review"),
        _text("capture_policy"),
        _text("psp_account"),
        _text("psp_reference"),
        _text("failure_json"),
        sa.Column("capture_before", _TIME),
        _text("config_digest"),
        _number("last_sequence"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= captured_minor "
            "AND captured_minor <= authorized_minor AND authorized_minor <= amount_minor",
            name=op.f("ck_payments_sums"),
        ),
    )
    op.create_index("ix_payments_order", "payments", ["order_id", "id"])
    op.create_index("ix_payments_customer", "payments", ["customer_id", "id"])
    op.create_index("ix_payments_psp", "payments", ["psp_account", "psp_reference"])


def _operations() -> None:
    op.create_table(
        "operations",
        _text("id"),
        _text("payment_id"),
        _text("kind"),
        _text("psp_account"),
        _number("amount_minor"),
        _text("currency"),
        _text("idempotency_key"),
        _text("parameters_json"),
        _text("state"),
        _text("error"),
        _number("attempts"),
        _text("request_caller"),
        _text("request_method"),
        _text("request_id"),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("next_check_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_operations_payment_id"),
        sa.UniqueConstraint("idempotency_key", name="uq_operations_idempotency_key"),
    )
    op.create_index(
        "ix_operations_request", "operations", ["request_id", "request_caller", "request_method"]
    )
    op.create_index(
        "uq_operations_open",
        "operations",
        ["payment_id"],
        unique=True,
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    op.create_index(
        "ix_operations_due",
        "operations",
        ["next_check_time"],
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )


def _requests() -> None:
    op.create_table(
        "requests",
        _text("caller"),
        _text("method"),
        _text("request_id"),
        _text("fingerprint"),
        _text("resource_id"),
        sa.Column("answer_json", sa.Text),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("caller", "method", "request_id", name="pk_requests"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        _text("id"),
        _text("payment_id"),
        _text("order_id"),
        _number("sequence"),
        _text("type"),
        _text("state"),
        _text("review"),
        _text("currency"),
        _number("captured_minor"),
        _number("refunded_minor"),
        sa.Column("create_time", _TIME, nullable=False),
        _text("details_json"),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sa.UniqueConstraint("payment_id", "sequence", name="uq_journal_payment_id"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_journal_payment_id"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        _text("journal_id"),
        _text("order_id"),
        _text("payment_id"),
        _number("attempts"),
        sa.Column("next_attempt_time", _TIME, nullable=False),
        _text("last_error"),
        sa.PrimaryKeyConstraint("journal_id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_order_id", "outbox", ["order_id"])
    op.create_index("ix_outbox_next_attempt_time", "outbox", ["next_attempt_time"])


def _inbox() -> None:
    op.create_table(
        "inbox",
        _text("psp_account"),
        _text("event_id"),
        _text("event_type"),
        _text("subject"),
        _text("psp_reference"),
        _text("payment_id"),
        sa.Column("occurred_time", _TIME, nullable=False),
        sa.Column("receive_time", _TIME, nullable=False),
        _number("attempts"),
        sa.Column("next_attempt_time", _TIME),
        _text("outcome"),
        sa.PrimaryKeyConstraint("psp_account", "event_id", name="pk_inbox"),
    )
    op.create_index(
        "ix_inbox_due",
        "inbox",
        ["next_attempt_time"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )


def _customer_links() -> None:
    op.create_table(
        "customer_links",
        _text("customer_id"),
        _text("psp_account"),
        _text("psp_customer"),
        _text("fingerprint"),
        _text("pending_key"),
        _text("pending_profile_json"),
        sa.Column("lease_time", _TIME),
        sa.Column("pending_since", _TIME),
        _number("version"),
        sa.PrimaryKeyConstraint("customer_id", "psp_account", name="pk_customer_links"),
    )
