"""One movement of a refund file: it has its refund afterwards, is refused, or waits for longer."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.pauses import Pauses
from gateway.domain.refund_movement import Movement
from gateway.errors import PaygateError
from gateway.refund_files.rules import mismatch_of, refusal_of
from gateway.refund_files.values import LineRefusal
from gateway.refunds.adoption import PaymentAdoption
from gateway.refunds.commands import RefundedPayment, RefundReason
from gateway.refunds.creation import MovementTakenError, RefundCreation
from gateway.storage.database import Database
from gateway.storage.refund_movements import postpone_movement, refuse_movement
from gateway.storage.writes import StorageUnavailableError
from psp.errors import PspError, RejectedError

_log = structlog.get_logger(__name__)
_RETRIES: Final = Pauses(first=timedelta(seconds=2), longest=timedelta(minutes=15))


class MovementSending:
    """Refunds what movements say. Whatever is begun is tied to its refund in one commit."""

    def __init__(
        self,
        database: Database,
        adoption: PaymentAdoption,
        creation: RefundCreation,
        clock: Clock,
    ) -> None:
        self._database = database
        self._adoption = adoption
        self._creation = creation
        self._clock = clock

    async def send(self, movement: Movement) -> PspError | None:
        """Carry a movement out; returns why its account is in trouble, None if it serves.

        Raises `StorageUnavailableError`.
        """
        try:
            refusal = await self._refund(movement)
        except MovementTakenError:
            return None  # by a replica that had the account before, and was slow
        except PaygateError as error:
            refusal = refusal_of(error)
            if refusal is None:
                await self._postpone(movement, str(error))
                return None
        except RejectedError as error:
            refusal = LineRefusal.PSP_REJECTED, str(error)
        except PspError as error:
            await self._postpone(movement, str(error))
            return error
        except StorageUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost edge of a movement: the others go on
            _log.exception("movement_failed", movement=movement.movement_id)
            await self._postpone(movement, f"a fault of the gateway: {type(error).__name__}")
            return None
        if refusal is not None:
            reason, words = refusal
            await self._database.commit([refuse_movement(movement.movement_id, reason, words)])
        return None

    async def _refund(self, movement: Movement) -> tuple[LineRefusal, str] | None:
        """Refund; or return why that is refused, with nothing written."""
        payment = await self._adoption.find(
            RefundedPayment(
                movement.payment_id,
                "" if movement.payment_id else movement.psp_account,
                movement.psp_reference,
                movement.order_id,
            )
        )
        mismatch = mismatch_of(payment, movement)
        if mismatch is not None:
            return mismatch
        await self._creation.refund_for_movement(
            movement.movement_id, payment, movement.amount, RefundReason(movement.reason)
        )
        return None

    async def _postpone(self, movement: Movement, why: str) -> None:
        pause = _RETRIES.after(movement.attempts)
        write = postpone_movement(movement, next_attempt_time=self._clock() + pause, message=why)
        await self._database.commit([write])
