"""ResolveDiscrepancy: a person says who looks after a difference, and what became of it."""

from __future__ import annotations

from typing import Final

from gateway.answers import require_same
from gateway.clock import Clock
from gateway.domain.discrepancy import Discrepancy, resolved
from gateway.domain.requests import StoredRequest
from gateway.errors import PaygateError, Reason
from gateway.reconciliation.commands import ResolveCommand
from gateway.storage.database import Database
from gateway.storage.discrepancies import get_discrepancy, update_discrepancy
from gateway.storage.requests import get_request, insert_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError

_MOST_ROUNDS: Final = 5


class DiscrepancyResolving:
    """Stores what people say. The same request again changes nothing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def resolve(self, command: ResolveCommand) -> Discrepancy:
        """Return the discrepancy as it stands after this.

        Raises `PaygateError`: DISCREPANCY_NOT_FOUND, REQUEST_ID_REUSED, OPERATION_IN_PROGRESS.
        """
        for _ in range(_MOST_ROUNDS):
            stored = await get_request(self._database, command.key)
            known = await self._get(command.discrepancy_id)
            if stored is not None:
                require_same(stored, command.fingerprint)
                return known
            now = self._clock()
            after = resolved(known, command.owner, command.note, command.resolution, now)
            request = StoredRequest(command.key, command.fingerprint, known.id, now)
            writes = [
                insert_request(request),
                update_discrepancy(after, read_version=known.version),
            ]
            try:
                await self._database.commit(writes)
            except (AlreadyExistsError, GuardFailedError):
                continue  # the same request was quicker, or a run saw it again: read anew
            return after
        raise PaygateError(
            Reason.OPERATION_IN_PROGRESS,
            f"{command.discrepancy_id} keeps changing: ask again",
            metadata={"discrepancy_id": command.discrepancy_id},
            retry_after_s=1.0,
        )

    async def _get(self, discrepancy_id: str) -> Discrepancy:
        known = await get_discrepancy(self._database, discrepancy_id)
        if known is None:
            raise PaygateError(
                Reason.DISCREPANCY_NOT_FOUND,
                f"no discrepancy has the id {discrepancy_id}",
                metadata={"discrepancy_id": discrepancy_id},
            )
        return known
