"""ReconciliationService: parse, call, convert."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.api import reconciliation_requests as requests
from gateway.api.call import Context, current_call
from gateway.api.reconciliation_messages import (
    country_day_message,
    discrepancy_message,
    progress_message,
    reconciliation_message,
)
from gateway.api.streams import closing
from gateway.api.use_cases import ReconciliationUseCases
from gateway.reconciliation.commands import RunProgress
from paygate.v1 import reconciliation_service_pb2 as pb
from paygate.v1.reconciliation_service_pb2_grpc import ReconciliationServiceServicer


class ReconciliationServicer(ReconciliationServiceServicer):
    """Serves paygate.v1.ReconciliationService."""

    def __init__(self, reconciliations: ReconciliationUseCases) -> None:
        self._reconciliations = reconciliations

    async def RunReconciliation(
        self, request: pb.RunReconciliationRequest, context: Context
    ) -> AsyncIterator[pb.RunReconciliationResponse]:
        """See the contract."""
        call = current_call()
        command = requests.read_run(request, call)
        async with closing(self._reconciliations.run(command)) as steps:
            async for step in steps:
                if isinstance(step, RunProgress):
                    yield pb.RunReconciliationResponse(progress=progress_message(step))
                    continue
                call.facts.update(
                    reconciliation_id=step.id,
                    state=step.state.value,
                    psp_account=step.psp_account,
                    lines=step.line_count,
                    discrepancies=step.counts.found,
                )
                yield pb.RunReconciliationResponse(reconciliation=reconciliation_message(step))

    async def GetReconciliation(
        self, request: pb.GetReconciliationRequest, context: Context
    ) -> pb.GetReconciliationResponse:
        """See the contract."""
        wanted = requests.read_get(request)
        if isinstance(wanted, str):
            run = await self._reconciliations.get(wanted)
            return pb.GetReconciliationResponse(reconciliation=reconciliation_message(run))
        country_day = await self._reconciliations.country_day(
            wanted.country_code, wanted.day, wanted.psp_accounts
        )
        return pb.GetReconciliationResponse(country_day=country_day_message(country_day))

    async def ListDiscrepancies(
        self, request: pb.ListDiscrepanciesRequest, context: Context
    ) -> pb.ListDiscrepanciesResponse:
        """See the contract."""
        query = requests.read_list(request)
        page = await self._reconciliations.list_discrepancies(
            query.wanted, query.before_id, query.page_size
        )
        now = self._reconciliations.now()
        return pb.ListDiscrepanciesResponse(
            discrepancies=[discrepancy_message(each, now) for each in page.discrepancies],
            next_page_token=query.next_token(page.discrepancies[-1].id) if page.has_more else "",
        )

    async def ResolveDiscrepancy(
        self, request: pb.ResolveDiscrepancyRequest, context: Context
    ) -> pb.ResolveDiscrepancyResponse:
        """See the contract."""
        call = current_call()
        discrepancy = await self._reconciliations.resolve(requests.read_resolve(request, call))
        call.facts.update(discrepancy_id=discrepancy.id, state=discrepancy.state.value)
        now = self._reconciliations.now()
        return pb.ResolveDiscrepancyResponse(discrepancy=discrepancy_message(discrepancy, now))
