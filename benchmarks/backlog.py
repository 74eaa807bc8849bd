"""Orders with payments that wait for a webhook, and webhooks that wait: made in the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import asyncpg
import sqlalchemy as sa

from benchmarks.paying import PREFIX
from legacy_bridge.sql import SqlBackOffice

ACCOUNT: Final = "stripe_bench"

_PAYMENTS: Final = """
INSERT INTO payments
SELECT 'pay_' || $1::text || lpad(n::text, 20, '0'), $1::text || '-' || n, '', 'FR', 'card',
       1999, 'EUR', 0, 0, 0, 'awaiting_customer', 'none', 'at_order', $4::text,
       $5::text || 'pay_' || $1::text || lpad(n::text, 20, '0'), '', NULL, 'digest', 1,
       now() - $3::interval, now() - $3::interval, 1, ''
FROM generate_series(1, $2::bigint) n
"""
_EVENTS: Final = """
INSERT INTO inbox
SELECT $3::text, 'evt_' || $1::text || n, 'payment_intent.amount_capturable_updated', 'payment',
       $4::text || 'pay_' || $1::text || lpad(n::text, 20, '0'),
       'pay_' || $1::text || lpad(n::text, 20, '0'), now(), now(), 0, now(), 'waiting', NULL, '',
       '', ''
FROM generate_series(1, $2::bigint) n
"""
_ORDERS: Final = """
INSERT INTO orders (order_id, customer_id, country_code, currency_code, total_minor, state,
                    payment_id, reason, create_time, update_time)
SELECT $1::text || '-' || n, '', 'FR', 'EUR', 1999, 'draft', '', '',
       now() - $3::interval, now() - $3::interval
FROM generate_series(1, $2::bigint) n
"""
_RELEASED: Final = """
SELECT order_id, extract(epoch FROM action_time) FROM order_actions
WHERE changed AND state = 'released' AND order_id LIKE $1::text || '-%'
"""
_RELEASED_COUNT: Final = """
SELECT count(*) FROM orders WHERE state = 'released' AND order_id LIKE $1::text || '-%'
"""
_NO_AGE: Final = timedelta()


@dataclass(frozen=True, slots=True)
class Backlog:
    """So many orders of one name in two databases of PostgreSQL, which have their tables."""

    url: str
    office_url: str
    name: str

    def payment_id(self, number: int) -> str:
        """Return the id of a payment, the first being 1."""
        return f"pay_{self.name}{number:020}"

    async def drafts(self, count: int, age: timedelta = _NO_AGE) -> None:
        """Store drafts of an age."""
        await _execute(self.office_url, _ORDERS, self.name, count, age)

    async def payments(self, count: int, age: timedelta = _NO_AGE) -> None:
        """Store a payment that awaits its customer for each of the first drafts."""
        await _execute(self.url, _PAYMENTS, self.name, count, age, ACCOUNT, PREFIX)

    async def events(self, count: int) -> None:
        """Store a webhook that is due for each of the first payments."""
        await _execute(self.url, _EVENTS, self.name, count, ACCOUNT, PREFIX)

    async def released(self) -> dict[str, float]:
        """Return when each order was released, in seconds since 1970."""
        rows = await _fetch(self.office_url, _RELEASED, self.name)
        return {order_id: float(epoch) for order_id, epoch in rows}

    async def released_count(self) -> int:
        """Count the orders that were released."""
        ((count,),) = await _fetch(self.office_url, _RELEASED_COUNT, self.name)
        return int(count)


async def create_office(url: str) -> None:
    """Make the back office's tables."""
    office = SqlBackOffice.open(url)
    await office.create_schema()
    await office.close()


async def _execute(url: str, statement: str, *arguments: object) -> None:
    connection = await asyncpg.connect(_plain(url))
    try:
        await connection.execute(statement, *arguments, timeout=600)
        # As autovacuum does on a server that runs for longer than a benchmark.
        await connection.execute("ANALYZE", timeout=600)
    finally:
        await connection.close()


async def _fetch(url: str, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(_plain(url))
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


def _plain(url: str) -> str:
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
