"""Reconciling by either client: progress, then the run; the request keeps its id."""

from __future__ import annotations

import grpc
import pytest

from gateway.client import AsyncPaygateClient, PaygateRpcError
from paygate.v1.reconciliation_service_pb2 import (
    Discrepancy,
    ListDiscrepanciesRequest,
    ListDiscrepanciesResponse,
    Reconciliation,
    ReconciliationProgress,
    RunReconciliationRequest,
    RunReconciliationResponse,
)
from tests.integration.client.scripted import Answer, ScriptedGateway

_STEPS = (
    RunReconciliationResponse(progress=ReconciliationProgress(lines_read=7)),
    RunReconciliationResponse(reconciliation=Reconciliation(id="rec_1")),
)
_FIRST = ListDiscrepanciesResponse(discrepancies=[Discrepancy(id="dis_2")], next_page_token="t")
_SECOND = ListDiscrepanciesResponse(discrepancies=[Discrepancy(id="dis_1")])


async def test_a_run_is_followed_to_its_end(
    script: ScriptedGateway, client: AsyncPaygateClient
) -> None:
    """With a request_id of its own."""
    script.will_answer(Answer(_STEPS))

    steps = [step async for step in client.run_reconciliation(RunReconciliationRequest())]

    assert tuple(steps) == _STEPS
    assert script.asked[0].request.request_id


async def test_an_error_carries_the_request_id(
    script: ScriptedGateway, client: AsyncPaygateClient
) -> None:
    """The same request goes on with the same run."""
    script.will_answer(Answer(_STEPS[:1], grpc.StatusCode.UNAVAILABLE))
    request = RunReconciliationRequest(request_id="r-1")

    with pytest.raises(PaygateRpcError) as caught:
        async for _ in client.run_reconciliation(request):
            pass

    assert caught.value.request_id == "r-1"


async def test_every_page_of_discrepancies_is_read(
    script: ScriptedGateway, client: AsyncPaygateClient
) -> None:
    """Newest first, as the pages come."""
    script.will_answer(Answer((_FIRST,)), Answer((_SECOND,)))

    found = [each.id async for each in client.iter_discrepancies(ListDiscrepanciesRequest())]

    assert found == ["dis_2", "dis_1"]
    assert [asked.request.page_token for asked in script.asked] == ["", "t"]
