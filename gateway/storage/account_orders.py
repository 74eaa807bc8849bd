"""The sums of orders' postings as rows: where two reports of one order meet."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.domain.posting import AccountOrder
from gateway.storage.account_tables import account_orders
from gateway.storage.database import Database
from gateway.storage.writes import Write

ACCOUNT_ORDER_GUARD: Final = "account_order_version"
"""Name of the guard that fails if something of the order was reported since it was read."""

_COLUMNS: Final = tuple(account_orders.c)
_INSERT: Final = sa.insert(account_orders)
_UPDATE: Final = (
    sa.update(account_orders)
    .where(
        account_orders.c.order_id == sa.bindparam("key_order_id"),
        account_orders.c.version == sa.bindparam("read_version"),
    )
    .values(
        invoiced_minor=sa.bindparam("new_invoiced_minor"),
        shipped_minor=sa.bindparam("new_shipped_minor"),
        version=sa.bindparam("new_version"),
    )
)
_GET: Final = sa.select(*_COLUMNS).where(account_orders.c.order_id == sa.bindparam("order_id"))


def save_account_order(order: AccountOrder) -> Write:
    """Store an order's sums after one more report.

    The first ones of an order exist already if somebody else stored those; later ones fail as
    `ACCOUNT_ORDER_GUARD` if there was another report since.
    """
    if order.version == 1:
        return Write(
            _INSERT,
            {
                "order_id": order.order_id,
                "currency": order.currency,
                "invoiced_minor": order.invoiced_minor,
                "shipped_minor": order.shipped_minor,
                "version": order.version,
            },
        )
    return Write(
        _UPDATE,
        {
            "key_order_id": order.order_id,
            "read_version": order.version - 1,
            "new_invoiced_minor": order.invoiced_minor,
            "new_shipped_minor": order.shipped_minor,
            "new_version": order.version,
        },
        guard=ACCOUNT_ORDER_GUARD,
    )


async def get_account_order(database: Database, order_id: str) -> AccountOrder | None:
    """Return an order's sums, or None if nothing of it was reported."""
    rows = await database.fetch(_GET, {"order_id": order_id})
    return AccountOrder(*rows[0]) if rows else None
