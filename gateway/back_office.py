"""One place that watches every call to the back office: its time, and a span inside of a trace."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from gateway.canonical import current_line
from gateway.traces import inner_span, tell
from legacy_bridge.port import (
    DEFAULT_PAGE_SIZE,
    AccountMovement,
    BackOffice,
    DraftOrder,
    LegacyAlias,
)


class ObservedBackOffice:
    """Any back office. Streams are not watched: their time is mostly their reader's."""

    def __init__(self, inner: BackOffice) -> None:
        self._inner = inner

    async def find_order(self, order_id: str) -> DraftOrder | None:
        """See the port."""
        with _watched("find_order", order_id):
            return await self._inner.find_order(order_id)

    def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[DraftOrder]:
        """See the port."""
        return self._inner.list_drafts_older_than(cutoff, page_size=page_size)

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        """See the port."""
        with _watched("release_order", order_id):
            return await self._inner.release_order(order_id, payment_id=payment_id, key=key)

    async def hold_order(
        self, order_id: str, *, payment_id: str, reason: str, key: str
    ) -> DraftOrder:
        """See the port."""
        with _watched("hold_order", order_id):
            return await self._inner.hold_order(
                order_id, payment_id=payment_id, reason=reason, key=key
            )

    async def cancel_order(self, order_id: str, *, reason: str, key: str) -> DraftOrder:
        """See the port."""
        with _watched("cancel_order", order_id):
            return await self._inner.cancel_order(order_id, reason=reason, key=key)

    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        """See the port."""
        with _watched("list_aliases"):
            return await self._inner.list_aliases(customer_id)

    async def find_aliases(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        """See the port."""
        with _watched("find_aliases"):
            return await self._inner.find_aliases(names)

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        """See the port."""
        with _watched("save_alias"):
            return await self._inner.save_alias(alias, key=key)

    async def delete_alias(self, psp_account: str, alias: str, *, key: str) -> None:
        """See the port."""
        with _watched("delete_alias"):
            await self._inner.delete_alias(psp_account, alias, key=key)

    async def post_movement(self, movement: AccountMovement) -> None:
        """See the port."""
        with _watched("post_movement", movement.order_id):
            await self._inner.post_movement(movement)

    def list_movements(
        self, customer_id: str, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[AccountMovement]:
        """See the port."""
        return self._inner.list_movements(customer_id, page_size=page_size)

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        """See the port."""
        with _watched("balance"):
            return await self._inner.balance(customer_id)


@contextmanager
def _watched(operation: str, order_id: str = "") -> Iterator[None]:
    started_s = time.perf_counter()
    try:
        with inner_span(f"back_office {operation}") as current:
            if current is not None and order_id:
                tell(current, {"order_id": order_id})
            yield
    finally:
        line = current_line()
        if line is not None:
            line.back_office_ms += (time.perf_counter() - started_s) * 1000
