"""The gateway's tables. Amounts are minor units, times are UTC, JSON is text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """TIMESTAMPTZ on PostgreSQL; on SQLite, which has no such type, microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the column type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 - a driver's own type
        """Turn an aware datetime into what the driver takes."""
        if value is None or dialect.name == "postgresql":
            return value
        return to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - as above
        """Turn what the driver gives into an aware datetime."""
        if value is None or dialect.name == "postgresql":
            return value
        return from_microseconds(value)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(value: datetime) -> int:
    """Return whole microseconds since 1970, without a float in between."""
    delta = value - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(value: int) -> datetime:
    """Return the aware datetime of whole microseconds since 1970."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False, index=True),
    sa.Column("customer_id", sa.Text, nullable=False, index=True),
    sa.Column("country_code", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("authorized_minor", sa.BigInteger, nullable=False),
    sa.Column("captured_minor", sa.BigInteger, nullable=False),
    sa.Column("refunded_minor", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("review", sa.Text, nullable=False),
    sa.Column("capture_policy", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("psp_reference", sa.Text, nullable=False),
    sa.Column("failure_json", sa.Text, nullable=False),
    sa.Column("capture_before", UtcDateTime),
    sa.Column("config_digest", sa.Text, nullable=False),
    sa.Column("last_sequence", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint(
        "0 <= refunded_minor AND refunded_minor <= captured_minor "
        "AND captured_minor <= authorized_minor AND authorized_minor <= amount_minor",
        name="sums",
    ),
    sa.Index("ix_payments_psp", "psp_account", "psp_reference"),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("parameters_json", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("request_caller", sa.Text, nullable=False),
    sa.Column("request_method", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("next_check_time", UtcDateTime, nullable=False),
)
_OPEN: Final = sa.text("state IN ('pending', 'unknown')")
# At most one change of a payment is under way: the database itself refuses a second one.
sa.Index(
    "uq_operations_open",
    operations.c.payment_id,
    unique=True,
    postgresql_where=_OPEN,
    sqlite_where=_OPEN,
)
sa.Index(
    "ix_operations_due",
    operations.c.next_check_time,
    postgresql_where=_OPEN,
    sqlite_where=_OPEN,
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("resource_id", sa.Text, nullable=False),
    sa.Column("answer_json", sa.Text),
    sa.Column("create_time", UtcDateTime, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("review", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("captured_minor", sa.BigInteger, nullable=False),
    sa.Column("refunded_minor", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("details_json", sa.Text, nullable=False),
    sa.UniqueConstraint("payment_id", "sequence"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    # One row for each journal line that is still to be delivered; delivery deletes it.
    sa.Column("journal_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("next_attempt_time", UtcDateTime, nullable=False, index=True),
    sa.Column("last_error", sa.Text, nullable=False),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("psp_account", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("psp_reference", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("occurred_time", UtcDateTime, nullable=False),
    sa.Column("receive_time", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    # NULL once it is dealt with.
    sa.Column("next_attempt_time", UtcDateTime),
    sa.Column("outcome", sa.Text, nullable=False),
)
_WAITING: Final = sa.text("next_attempt_time IS NOT NULL")
sa.Index(
    "ix_inbox_due",
    inbox.c.next_attempt_time,
    postgresql_where=_WAITING,
    sqlite_where=_WAITING,
)

customer_links = sa.Table(
    "customer_links",
    metadata,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("psp_account", sa.Text, primary_key=True),
    sa.Column("psp_customer", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
)
