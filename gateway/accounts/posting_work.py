"""Posting: brings what is due on the financial account to the back office, each movement once.

The row is there before the back office is told, and says it is posted only after. A crash in
between has the movement posted again, which its key makes harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.pauses import Pauses
from gateway.domain.posting import ORDER_UNKNOWN, Posting, PostingState
from gateway.lanes import Lanes
from gateway.leases import WorkLeases, unbroken
from gateway.signals import Wake
from gateway.storage.account_postings import (
    claim_due_postings,
    end_posting,
    extend_posting,
    postings_of_order,
    postpone_posting,
)
from gateway.storage.database import Database
from gateway.storage.writes import StorageUnavailableError, Write
from legacy_bridge.errors import BackOfficeError, KeyReusedError, OrderNotFoundError
from legacy_bridge.port import BackOffice

_log = structlog.get_logger(__name__)
_ROAD: Final = "back_office"
_AT_ONCE: Final = 8
"""Orders whose movements are posted at the same time: the back office has other work too."""
_PAUSES: Final = Pauses(first=timedelta(milliseconds=500), longest=timedelta(minutes=10))
_DRAFT_WITHIN: Final = timedelta(hours=24)
"""How long an order's draft may take to appear."""


class PostingWork:
    """Shares what is due with every other process that does the same; one order at a time."""

    def __init__(
        self,
        database: Database,
        back_office: BackOffice,
        clock: Clock,
        postings: Wake,
        leases: WorkLeases,
    ) -> None:
        self._database = database
        self._back_office = back_office
        self._clock = clock
        self._leases = leases
        self.lanes = Lanes("account", _AT_ONCE, postings)

    async def run_once(self) -> int:
        """Begin what is due, one order's movements at a time; the number that was begun."""
        return await unbroken(self._begin()) if self.lanes.has_room(_ROAD) else 0

    async def _begin(self) -> int:
        """Claim what there are lanes for; movements of an order whose lane is taken wait for it."""
        now, until = self._clock(), self._leases.end()
        room, taken = self.lanes.room(_ROAD), self.lanes.taken()
        by_order: dict[str, list[Posting]] = {}
        for due in await claim_due_postings(self._database, now, until, room, taken):
            by_order.setdefault(due.order_id, []).append(due)
        return sum(
            self.lanes.start(_ROAD, order_id, partial(self._post_claimed, postings, until))
            for order_id, postings in by_order.items()
        )

    async def _post_claimed(self, postings: Sequence[Posting], held: datetime) -> None:
        def move(held: datetime, until: datetime) -> list[Write]:
            return [extend_posting(each, held=held, until=until) for each in postings]

        await self._leases.keep(held, move, partial(self._post_all, postings))

    async def _post_all(self, postings: Sequence[Posting]) -> None:
        for posting in postings:
            await self.post(posting)

    async def post(self, posting: Posting) -> None:
        """Post one movement: it is done with, refused for ever, or put off."""
        try:
            ended = await self._posted(posting)
        except StorageUnavailableError:
            raise  # nothing can be put off either: the row stays due
        except OrderNotFoundError:
            await self._put_off(posting, ORDER_UNKNOWN)
        except BackOfficeError as error:
            await self._put_off(posting, f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose a movement
            _log.exception("account_posting_failed", movement=posting.key)
            await self._put_off(posting, f"fault: {type(error).__name__}")
        else:
            await self._database.commit([ended])

    async def _posted(self, posting: Posting) -> Write:
        """Post it, and return what became of it."""
        known = posting
        if not posting.customer_id:
            known = replace(posting, customer_id=await self._whose(posting))
        if not known.customer_id:
            why = f"order {posting.order_id or '(unknown)'} has no customer in the back office"
            _log.info("account_movement_without_account", movement=posting.key, why=why)
            return end_posting(known, PostingState.NO_ACCOUNT, why)
        try:
            await self._back_office.post_movement(known.movement)
        except KeyReusedError as error:
            # No retry helps, and money is missing on the account: somebody has to look.
            _log.error(
                "account_movement_refused",
                movement=known.key,
                customer_id=known.customer_id,
                order_id=known.order_id,
                amount=str(known.amount),
                error=str(error),
            )
            return end_posting(known, PostingState.REFUSED, str(error))
        _log.info(
            "account_movement_posted",
            movement=known.key,
            kind=known.kind,
            amount=str(known.amount),
            attempts=known.attempts,
        )
        return end_posting(known, PostingState.POSTED)

    async def _whose(self, posting: Posting) -> str:
        """Return whose account it moves: as what it closes, as the invoice, or who ordered.

        Empty: nobody's. Raises the errors of the back office; `OrderNotFoundError`: not known yet.
        """
        if not posting.order_id:
            return ""  # what names no order is no order: another's postings say nothing of it
        postings = await postings_of_order(self._database, posting.order_id)
        own = [each for each in postings if each.reference == posting.reference]
        if any(each.state is PostingState.NO_ACCOUNT for each in own):
            return ""  # or it would close on an account what never was there
        for each in (*own, *postings):
            if each.customer_id:
                return each.customer_id
        order = await self._back_office.find_order(posting.order_id)
        if order is not None:
            return order.customer_id
        # One time for all movements of a refund: they go to one account, or to none.
        since = min(each.booking_time for each in (posting, *own))
        if self._clock() < since + _DRAFT_WITHIN:
            raise OrderNotFoundError(posting.order_id)
        return ""

    async def _put_off(self, posting: Posting, why: str) -> None:
        pause = _PAUSES.after(posting.attempts)
        write = postpone_posting(posting, next_attempt_time=self._clock() + pause, error=why)
        await self._database.commit([write])
        _log.warning(
            "account_posting_put_off",
            movement=posting.key,
            pause_s=pause.total_seconds(),
            why=why,
        )
