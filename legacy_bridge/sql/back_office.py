"""The `BackOffice` port over SQL tables: every change is one transaction and one log line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, Self

from sqlalchemy import Select, Table, bindparam, literal, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from legacy_bridge.errors import KeyReusedError, OrderConflictError, OrderNotFoundError
from legacy_bridge.port import (
    DEFAULT_PAGE_SIZE,
    AccountMovement,
    DraftOrder,
    LegacyAlias,
    OrderState,
)
from legacy_bridge.sql.accounts import SqlAccounts
from legacy_bridge.sql.aliases import SqlAliases
from legacy_bridge.sql.at_once import MOVES, move_parameters
from legacy_bridge.sql.database import Database
from legacy_bridge.sql.rows import (
    OrderAction,
    Wish,
    action_of,
    action_values,
    order_after,
    order_of,
    order_state_values,
    order_values,
)
from legacy_bridge.sql.tables import OPEN, UtcDateTime, metadata, order_actions, orders
from legacy_bridge.transitions import Verdict, judge

DEFAULT_TIMEOUT_S: Final = 5.0
DEFAULT_POOL_SIZE: Final = 5
_SCHEMA_LOCK: Final = 7_203_117
"""Any number that nobody else locks: two processes may create the tables at once."""

_INSERTS: Final[Mapping[str, Callable[[Table], sqlite.Insert | postgresql.Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


# Made once: making a statement, and finding it among the compiled ones, costs more than its row.
_ORDER: Final = select(orders).where(orders.c.order_id == bindparam("id"))
_LOCKED_ORDER: Final = _ORDER.with_for_update()
_ACTION: Final = select(order_actions).where(order_actions.c.key == bindparam("key"))
_MOVE: Final = update(orders).where(
    orders.c.order_id == bindparam("id"), orders.c.state == bindparam("from_state")
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqlBackOffice:
    """The reference back office. It stands where a retailer's own legacy system would.

    `save_draft`, `list_actions`, `load_aliases` and `create_schema` are no part of the port: they
    are what the shop's front end, an auditor and that system's owner do, for the demo and the
    tests.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = _utc_now) -> None:
        self._database = database
        self._insert = _INSERTS[database.dialect_name]
        self._log = self._insert(order_actions).on_conflict_do_nothing(index_elements=["key"])
        self._now = now
        self._aliases = SqlAliases(database, self._insert, now)
        self._accounts = SqlAccounts(database, self._insert, now)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        pool_size: int = DEFAULT_POOL_SIZE,
        now: Callable[[], datetime] = _utc_now,
    ) -> Self:
        """Reach the database at `url` (sqlite+aiosqlite or postgresql+asyncpg); `close` it after.

        Connects at the first call. `timeout_s` bounds each call as a whole, the wait for a
        connection included. Raises `ValueError` for a URL that cannot be served.
        """
        return cls(Database(url, timeout_s=timeout_s, pool_size=pool_size), now)

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()

    async def create_schema(self) -> None:
        """Create the tables that are missing."""
        async with self._database.writing("create schema") as connection:
            if self._database.dialect_name == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
            await connection.run_sync(metadata.create_all)

    async def save_draft(self, order: DraftOrder) -> DraftOrder:
        """Store a new draft, as the shop's front end does before it asks for a payment.

        The same order again changes nothing and answers it as it stands now. Raises
        `KeyReusedError` if an order with other contents has this id, and `ValueError` if `order`
        is no plain draft.
        """
        if order.state is not OrderState.DRAFT or order.payment_id or order.reason:
            raise ValueError(f"order {order.order_id} is not a new draft")
        saved = (
            self._insert(orders)
            .values(order_values(order))
            .on_conflict_do_nothing(index_elements=["order_id"])
        )
        async with self._database.writing("save draft") as connection:
            await connection.execute(saved)
            stands = order_of((await connection.execute(_ORDER, {"id": order.order_id})).one())
        if _contents(stands) != _contents(order):
            raise KeyReusedError(order.order_id)
        return stands

    async def find_order(self, order_id: str) -> DraftOrder | None:
        """See `BackOffice.find_order`."""
        async with self._database.reading("find order") as connection:
            row = (await connection.execute(_ORDER, {"id": order_id})).one_or_none()
        return order_of(row) if row is not None else None

    async def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[DraftOrder]:
        """See `BackOffice.list_drafts_older_than`."""
        if page_size < 1:
            raise ValueError(f"a page of {page_size} orders would never end")
        after: DraftOrder | None = None
        while True:
            async with self._database.reading("list drafts") as connection:
                rows = (await connection.execute(open_page(cutoff, after, page_size))).all()
            # No transaction is open here: the reader may change the orders it is given.
            for row in rows:
                after = order_of(row)
                yield after
            if len(rows) < page_size:
                return

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        """See `BackOffice.release_order`."""
        return await self._grant(Wish(order_id, OrderState.RELEASED, payment_id), key)

    async def hold_order(
        self, order_id: str, *, payment_id: str, reason: str, key: str
    ) -> DraftOrder:
        """See `BackOffice.hold_order`."""
        return await self._grant(Wish(order_id, OrderState.HELD, payment_id, reason), key)

    async def cancel_order(self, order_id: str, *, reason: str, key: str) -> DraftOrder:
        """See `BackOffice.cancel_order`."""
        return await self._grant(Wish(order_id, OrderState.CANCELED, reason=reason), key)

    async def list_actions(self, order_id: str) -> tuple[OrderAction, ...]:
        """Return everything that was done to an order, in order of time, for audits.

        An order was released exactly once if exactly one action wanted that and `changed` it.
        """
        statement = (
            select(order_actions)
            .where(order_actions.c.order_id == order_id)
            .order_by(order_actions.c.action_time, order_actions.c.key)
        )
        async with self._database.reading("list actions") as connection:
            return tuple(action_of(row) for row in await connection.execute(statement))

    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        """See `BackOffice.list_aliases`."""
        return await self._aliases.of_customer(customer_id)

    async def find_aliases(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        """See `BackOffice.find_aliases`."""
        return await self._aliases.of_names(names)

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        """See `BackOffice.save_alias`."""
        return await self._aliases.save(alias, key)

    async def delete_alias(self, psp_account: str, alias: str, *, key: str) -> None:
        """See `BackOffice.delete_alias`."""
        await self._aliases.delete(psp_account, alias, key)

    async def post_movement(self, movement: AccountMovement) -> None:
        """See `BackOffice.post_movement`."""
        await self._accounts.post(movement)

    def list_movements(
        self, customer_id: str, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[AccountMovement]:
        """See `BackOffice.list_movements`."""
        return self._accounts.of_customer(customer_id, page_size)

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        """See `BackOffice.balance`."""
        return await self._accounts.balance(customer_id)

    async def load_aliases(self, loaded: Iterable[LegacyAlias]) -> None:
        """Store many new aliases at once, without keys; nothing is stored if one exists."""
        await self._aliases.load(loaded)

    async def _grant(self, wish: Wish, key: str) -> DraftOrder:
        """Grant a wish, or raise what the rules say; PostgreSQL grants nearly all by one statement.

        What it did nothing for goes by the rules, step by step, as everything on SQLite does.
        """
        if self._database.dialect_name == "postgresql":
            moved = await self._moved_at_once(wish, key)
            if moved is not None:
                return moved
        async with self._database.writing(f"make order {wish.wanted}") as connection:
            # The row lock comes first (SQLite locks the whole database at BEGIN): of two callers
            # with one key, the second then finds what the first logged.
            found = await connection.execute(_LOCKED_ORDER, {"id": wish.order_id})
            row = found.one_or_none()
            order = None if row is None else order_of(row)
            if order is not None:
                verdict = judge(order, wish.wanted, wish.payment_id)
                changed = verdict is Verdict.MOVE
                now = max(self._now(), order.update_time)  # its time never goes back
                action = _action_for(order, wish, key, changed=changed, now=now)
                if verdict is not Verdict.REFUSE and await self._apply(connection, order, action):
                    return order_after(order, action)
            return await self._answered(connection, order, wish, key)

    async def _moved_at_once(self, wish: Wish, key: str) -> DraftOrder | None:
        """Move an order with one round trip; None if nothing was done."""
        parameters = move_parameters(wish, key, self._now())
        async with self._database.writing_at_once(f"make order {wish.wanted}") as connection:
            try:
                row = (await connection.execute(MOVES[wish.wanted], parameters)).one_or_none()
            except IntegrityError:
                return None  # the key was used before, or the order was released
        return None if row is None else order_of(row)

    async def _answered(
        self, connection: AsyncConnection, order: DraftOrder | None, wish: Wish, key: str
    ) -> DraftOrder:
        """Answer a wish that cannot be granted, unless it was granted before, under this key."""
        logged = (await connection.execute(_ACTION, {"key": key})).one_or_none()
        if logged is not None and action_of(logged).wish != wish:
            raise KeyReusedError(key)
        if order is None:
            raise OrderNotFoundError(wish.order_id)
        if logged is None:
            raise OrderConflictError(order, wish.wanted)
        return order_after(order, action_of(logged))

    async def _apply(
        self, connection: AsyncConnection, order: DraftOrder, action: OrderAction
    ) -> bool:
        """Log an action and carry it out; False if its key was used before, and nothing is done."""
        logged = await connection.execute(self._log, action_values(action))
        if logged.rowcount != 1:
            return False
        if action.changed:
            place = {"id": order.order_id, "from_state": order.state.value}
            moved = order_state_values(order_after(order, action))
            result = await connection.execute(_MOVE, place | moved)
            if result.rowcount != 1:
                raise RuntimeError(f"order {order.order_id} moved under its own lock")
        return True


def _action_for(
    order: DraftOrder, wish: Wish, key: str, *, changed: bool, now: datetime
) -> OrderAction:
    """Log line of a wish that is granted: the order moves to it, or stays as it is.

    `at_once` says of a move the same in SQL.
    """
    return OrderAction(
        key=key,
        wish=wish,
        changed=changed,
        state=wish.wanted,
        payment_id=(wish.payment_id or order.payment_id) if changed else order.payment_id,
        reason=wish.reason if changed else order.reason,
        update_time=now if changed else order.update_time,
        action_time=now,
    )


def _contents(order: DraftOrder) -> tuple[object, ...]:
    return order.order_id, order.customer_id, order.country_code, order.total


def open_page(
    cutoff: datetime, after: DraftOrder | None, page_size: int
) -> Select[tuple[object, ...]]:
    """Statement for the open orders stored before `cutoff` that come after `after`."""
    place = tuple_(orders.c.create_time, orders.c.order_id)
    statement = (
        select(orders)
        # In words, not as parameters: else neither database sees that its partial index fits.
        .where(text(OPEN), orders.c.create_time < cutoff)
        .order_by(orders.c.create_time, orders.c.order_id)
        .limit(page_size)
    )
    if after is None:
        return statement
    return statement.where(
        place > tuple_(literal(after.create_time, UtcDateTime), literal(after.order_id))
    )
