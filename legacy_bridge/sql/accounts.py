"""The financial account part of the `BackOffice` port over an SQL table that only grows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Select,
    Table,
    case,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from legacy_bridge.errors import KeyReusedError
from legacy_bridge.port import AccountMovement, Direction
from legacy_bridge.sql.database import Database
from legacy_bridge.sql.rows import movement_of, movement_values
from legacy_bridge.sql.tables import UtcDateTime, account_movements

_m: Final = account_movements.c
_SIGNED: Final = case(
    (_m.direction == Direction.CREDIT.value, _m.amount_minor), else_=-_m.amount_minor
)


class SqlAccounts:
    """Movements as rows: each is inserted once, and never touched again."""

    def __init__(
        self,
        database: Database,
        dialect_insert: Callable[[Table], sqlite.Insert | postgresql.Insert],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._insert = dialect_insert
        self._now = now

    async def post(self, movement: AccountMovement) -> None:
        """See `BackOffice.post_movement`."""
        values = {**movement_values(movement), "post_time": self._now()}
        posted = self._insert(account_movements).values(values)
        async with self._database.writing("post movement") as connection:
            # Of two callers with one key the second waits here for the first one's commit.
            result = await connection.execute(posted.on_conflict_do_nothing(index_elements=["key"]))
            if result.rowcount == 1:
                return
            before = (
                await connection.execute(select(account_movements).where(_m.key == movement.key))
            ).one()
        if not _same(movement_of(before), movement):
            raise KeyReusedError(movement.key)

    async def of_customer(self, customer_id: str, page_size: int) -> AsyncIterator[AccountMovement]:
        """See `BackOffice.list_movements`."""
        if page_size < 1:
            raise ValueError(f"a page of {page_size} movements would never end")
        after: AccountMovement | None = None
        while True:
            async with self._database.reading("list movements") as connection:
                rows = (await connection.execute(_page(customer_id, after, page_size))).all()
            for row in rows:
                after = movement_of(row)
                yield after
            if len(rows) < page_size:
                return

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        """See `BackOffice.balance`."""
        statement = (
            select(_m.currency_code, cast(func.sum(_SIGNED), BigInteger))
            .where(_m.customer_id == customer_id)
            .group_by(_m.currency_code)
            .order_by(_m.currency_code)
        )
        async with self._database.reading("read balance") as connection:
            rows = await connection.execute(statement)
            return {currency: int(minor) for currency, minor in rows}


def _same(posted: AccountMovement, movement: AccountMovement) -> bool:
    """Whether it is the same movement; the same news may have been booked when heard again."""
    return posted == replace(movement, booking_time=posted.booking_time)


def _page(
    customer_id: str, after: AccountMovement | None, page_size: int
) -> Select[tuple[object, ...]]:
    statement = (
        select(account_movements)
        .where(_m.customer_id == customer_id)
        .order_by(_m.booking_time, _m.key)
        .limit(page_size)
    )
    if after is None:
        return statement
    place = tuple_(_m.booking_time, _m.key)
    return statement.where(
        place > tuple_(literal(after.booking_time, UtcDateTime), literal(after.key))
    )
