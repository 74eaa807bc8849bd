"""Answering a CreateRefund that was made before."""

from __future__ import annotations

from gateway.answers import answered_refund, require_same, still_running
from gateway.clock import Clock
from gateway.domain.operation import OperationState
from gateway.domain.permissions import RETRY_AFTER_S
from gateway.domain.refund import Refund
from gateway.domain.refund_rules import REFUND_ID
from gateway.domain.requests import RequestKey
from gateway.storage.database import Database
from gateway.storage.operations import get_operation_of_request
from gateway.storage.refunds import get_refund
from gateway.storage.requests import get_request


class RefundReplays:
    """Looks requests up and answers them as they were answered."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, key: RequestKey, fingerprint: str) -> Refund | None:
        """Return what this very request was answered, or None if it was never made.

        Raises `PaygateError`: the stored refusal, REQUEST_ID_REUSED if the id belongs to another
        request, REQUEST_IN_PROGRESS while the first sending still runs.
        """
        stored = await get_request(self._database, key)
        if stored is None:
            return None
        require_same(stored, fingerprint)
        if stored.answer is not None:
            return answered_refund(stored.answer)
        operation = await get_operation_of_request(self._database, key)
        if operation is not None and operation.state is OperationState.UNKNOWN:
            refund = await get_refund(self._database, operation.parameters[REFUND_ID])
            if refund is not None:
                return refund
        raise still_running(stored, self._clock(), RETRY_AFTER_S)
