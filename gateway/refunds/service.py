"""Refunds as the API sees them: every use case behind one door."""

from __future__ import annotations

from gateway.domain.refund import Refund, RefundFilter
from gateway.errors import PaygateError, Reason
from gateway.refunds.commands import CreateRefundCommand, RefundPage
from gateway.refunds.creation import RefundCreation
from gateway.storage.database import Database
from gateway.storage.refunds import get_refund, list_refunds


class Refunds:
    """Creates and reads refunds. `remaining_s` is what the caller still waits for."""

    def __init__(self, creation: RefundCreation, database: Database) -> None:
        self._creation = creation
        self._database = database

    async def create(self, command: CreateRefundCommand, remaining_s: float | None) -> Refund:
        """See `RefundCreation.create`."""
        return await self._creation.create(command, remaining_s)

    async def get(self, refund_id: str) -> Refund:
        """Return a refund; raises `PaygateError` REFUND_NOT_FOUND."""
        refund = await get_refund(self._database, refund_id)
        if refund is None:
            raise PaygateError(
                Reason.REFUND_NOT_FOUND,
                f"no refund has the id {refund_id}",
                metadata={"refund_id": refund_id},
            )
        return refund

    async def list(self, wanted: RefundFilter, before_id: str, page_size: int) -> RefundPage:
        """Return refunds, newest first, that are older than `before_id` (empty: from the top)."""
        found = await list_refunds(self._database, wanted, before_id, page_size + 1)
        return RefundPage(found[:page_size], has_more=len(found) > page_size)
