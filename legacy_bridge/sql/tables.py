"""The legacy database's tables: orders, aliases, what was done to them, and accounts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    TypeDecorator,
    event,
    text,
)

from legacy_bridge.port import Direction, MovementKind, OrderState


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on every database; SQLite keeps none, so the zone is put back on reading.

    A naive time is refused: nobody could say which instant it means.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - what a driver answers
        """Attach or convert to UTC."""
        if value is None:
            return None
        read: datetime = value
        return read.replace(tzinfo=UTC) if dialect.name == "sqlite" else read.astimezone(UTC)


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


OPEN: Final = _one_of("state", (OrderState.DRAFT, OrderState.HELD))
"""Orders that somebody still has to decide about, as an SQL condition."""

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
        "ix": "%(table_name)s_%(column_0_name)s_ix",
    }
)

orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("country_code", String, nullable=False),
    Column("currency_code", String, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("payment_id", String, nullable=False, server_default=""),
    Column("reason", String, nullable=False, server_default=""),
    Column("create_time", UtcDateTime, nullable=False),
    Column("update_time", UtcDateTime, nullable=False),
    CheckConstraint("total_minor >= 0", name="total"),
    CheckConstraint(_one_of("state", tuple(OrderState)), name="state"),
    # The sweeper pages through open orders by age; the index holds those alone, since years of
    # shipped orders lie beside them.
    Index(
        "orders_open_ix",
        "create_time",
        "order_id",
        sqlite_where=text(OPEN),
        postgresql_where=text(OPEN),
    ),
)

order_actions: Final = Table(
    "order_actions",
    metadata,
    Column("key", String, primary_key=True),
    Column("order_id", String, ForeignKey("orders.order_id"), nullable=False, index=True),
    Column("wanted", String, nullable=False),
    Column("asked_payment_id", String, nullable=False),
    Column("asked_reason", String, nullable=False),
    # Whether the order moved; a wish for the state it had already is logged, and has no effect.
    Column("changed", Boolean, nullable=False),
    # The order as this action left it: what a repeat of the key is answered.
    Column("state", String, nullable=False),
    Column("payment_id", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("update_time", UtcDateTime, nullable=False),
    Column("action_time", UtcDateTime, nullable=False),
    CheckConstraint(_one_of("wanted", tuple(OrderState)), name="wanted"),
    CheckConstraint(_one_of("state", tuple(OrderState)), name="state"),
    # The database itself refuses a second release of an order, whoever writes.
    Index(
        "order_actions_released_once_ix",
        "order_id",
        unique=True,
        sqlite_where=text("changed AND wanted = 'released'"),
        postgresql_where=text("changed AND wanted = 'released'"),
    ),
)

aliases: Final = Table(
    "aliases",
    metadata,
    # A PSP's aliases share one namespace an account; two accounts may use the same name.
    Column("alias", String, primary_key=True),
    Column("psp_account", String, primary_key=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("brand", String, nullable=False),
    Column("last4", String, nullable=False),
    Column("expiry_month", BigInteger, nullable=False),
    Column("expiry_year", BigInteger, nullable=False),
    Column("method", String, nullable=False),
    Column("is_default", Boolean, nullable=False),
    CheckConstraint("expiry_month BETWEEN 0 AND 12", name="expiry_month"),
    # The database itself refuses a second default of a shopper, whoever writes.
    Index(
        "aliases_default_once_ix",
        "customer_id",
        unique=True,
        sqlite_where=text("is_default"),
        postgresql_where=text("is_default"),
    ),
)

alias_actions: Final = Table(
    "alias_actions",
    metadata,
    Column("key", String, primary_key=True),
    Column("action", String, nullable=False),
    Column("psp_account", String, nullable=False),
    Column("alias", String, nullable=False),
    # What was asked, written out: a repeat of the key must ask the same.
    Column("asked_json", String, nullable=False),
    Column("action_time", UtcDateTime, nullable=False),
    CheckConstraint("action IN ('save', 'delete')", name="action"),
)

account_movements: Final = Table(
    "account_movements",
    metadata,
    # The database itself refuses a second movement of a key, whoever writes.
    Column("key", String, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("order_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("currency_code", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reference", String, nullable=False),
    Column("booking_time", UtcDateTime, nullable=False),
    Column("post_time", UtcDateTime, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint(_one_of("kind", MovementKind), name="kind"),
    CheckConstraint(_one_of("direction", Direction), name="direction"),
    # A shopper's account is read in pages by time.
    Index("account_movements_customer_ix", "customer_id", "booking_time", "key"),
)

_STAND: Final = "account movements are never changed"
_APPEND_ONLY: Final = {
    "sqlite": [
        f"""
        CREATE TRIGGER account_movements_no_{what} BEFORE {what} ON account_movements
        BEGIN SELECT RAISE(ABORT, '{_STAND}'); END
        """
        for what in ("update", "delete")
    ],
    "postgresql": [
        f"""
        CREATE OR REPLACE FUNCTION account_movements_stand() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_STAND}'; END $$
        """,
        """
        CREATE TRIGGER account_movements_stand BEFORE UPDATE OR DELETE ON account_movements
        FOR EACH ROW EXECUTE FUNCTION account_movements_stand()
        """,
    ],
}
"""What was posted stands, whoever writes: what was wrong is put right by another movement."""
for _dialect, _statements in _APPEND_ONLY.items():
    for _statement in _statements:
        _ddl = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call] # SQLAlchemy's own
        event.listen(account_movements, "after_create", _ddl)
