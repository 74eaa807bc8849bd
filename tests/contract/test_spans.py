"""What a call's span says of how it ended."""

from __future__ import annotations

import grpc
import pytest
from opentelemetry.trace import StatusCode

from gateway.api.error_table import CODE_OF_REASON
from gateway.api.interceptors.telemetry import SERVER_ERRORS
from gateway.errors import PaygateError, Reason
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.contract.edge import RunningEdge
from tests.support.payments import payment
from tests.support.processes import eventually
from tests.support.watching import watched_spans

_REQUEST = pb.GetPaymentRequest(payment_id=payment().id)


@pytest.mark.parametrize("reason", Reason)
async def test_only_what_is_ours_to_mend_fails_a_span(running: RunningEdge, reason: Reason) -> None:
    """Each reason ends its call by a rich error; its code alone says whether the span failed."""

    async def behave() -> None:
        raise PaygateError(reason, "words that may quote anything")

    running.payments.behave = behave
    with watched_spans() as spans:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await PaymentServiceStub(running.channel).GetPayment(_REQUEST)
        # The caller may hear of it before the server's own work on the call has ended.
        await eventually(lambda: len(spans.all()) == 1)
        (span,) = spans.all()

    failed = CODE_OF_REASON[reason] in SERVER_ERRORS
    assert refused.value.code() is CODE_OF_REASON[reason]
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert (span.attributes or {})["paygate.reason"] == reason.value
    assert "quote" not in span.to_json()


def test_unavailable_and_internal_are_ours_and_refusals_are_not() -> None:
    """The table itself, by its ends."""
    ours = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL}
    theirs = {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ABORTED,
    }
    assert ours <= SERVER_ERRORS
    assert not theirs & SERVER_ERRORS


async def test_health_is_no_trace(running: RunningEdge) -> None:
    """Probes come all the time and tell nothing."""
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415 - of this test alone

    with watched_spans() as spans:
        await health_pb2_grpc.HealthStub(running.channel).Check(health_pb2.HealthCheckRequest())
        assert spans.all() == []
