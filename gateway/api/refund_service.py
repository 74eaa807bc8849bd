"""RefundService: parse, call, convert."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.api import refund_requests as requests
from gateway.api.call import Context, current_call
from gateway.api.enums import REFUND_CAUSES, REFUND_REASONS, REFUND_STATES
from gateway.api.money import money_message, timestamp_message
from gateway.api.payment_messages import failure_message
from gateway.api.refund_batches import (
    batch_message,
    read_chunks,
    read_get,
    read_options,
    refusal_message,
)
from gateway.api.streams import closing
from gateway.api.use_cases import RefundBatchUseCases, RefundUseCases
from gateway.domain.refund import Refund
from gateway.refunds.commands import RefundReason
from paygate.v1 import refund_service_pb2 as pb
from paygate.v1.refund_service_pb2_grpc import RefundServiceServicer


class RefundServicer(RefundServiceServicer):
    """Serves paygate.v1.RefundService."""

    def __init__(self, refunds: RefundUseCases, batches: RefundBatchUseCases) -> None:
        self._refunds = refunds
        self._batches = batches

    async def CreateRefund(
        self, request: pb.CreateRefundRequest, context: Context
    ) -> pb.CreateRefundResponse:
        """See the contract."""
        call = current_call()
        command = requests.read_create(request, call)
        refund = await self._refunds.create(command, call.remaining_s())
        call.facts.update(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            state=refund.state.value,
            psp_account=refund.psp_account,
        )
        return pb.CreateRefundResponse(refund=refund_message(refund))

    async def GetRefund(
        self, request: pb.GetRefundRequest, context: Context
    ) -> pb.GetRefundResponse:
        """See the contract."""
        refund = await self._refunds.get(requests.read_get(request))
        return pb.GetRefundResponse(refund=refund_message(refund))

    async def ListRefunds(
        self, request: pb.ListRefundsRequest, context: Context
    ) -> pb.ListRefundsResponse:
        """See the contract."""
        query = requests.read_list(request)
        page = await self._refunds.list(query.wanted, query.before_id, query.page_size)
        return pb.ListRefundsResponse(
            refunds=[refund_message(refund) for refund in page.refunds],
            next_page_token=query.next_token(page.refunds[-1].id) if page.has_more else "",
        )

    async def SubmitRefundBatch(
        self, request_iterator: AsyncIterator[pb.SubmitRefundBatchRequest], context: Context
    ) -> pb.SubmitRefundBatchResponse:
        """See the contract."""
        requests = aiter(request_iterator)
        call = current_call()
        options = await read_options(requests, call)
        async with closing(read_chunks(requests)) as chunks:
            submitted = await self._batches.submit(options, chunks)
        call.facts.update(batch_id=submitted.batch.id)
        progress = await self._batches.get(submitted.batch.id)
        return pb.SubmitRefundBatchResponse(
            batch=batch_message(progress),
            refusals=[refusal_message(each) for each in submitted.refusals],
        )

    async def GetRefundBatch(
        self, request: pb.GetRefundBatchRequest, context: Context
    ) -> pb.GetRefundBatchResponse:
        """See the contract."""
        progress = await self._batches.get(read_get(request))
        return pb.GetRefundBatchResponse(batch=batch_message(progress))


def refund_message(refund: Refund) -> pb.Refund:
    """Write a refund."""
    failure = refund.failure
    return pb.Refund(
        id=refund.id,
        payment_id=refund.payment_id,
        order_id=refund.order_id,
        amount=money_message(refund.amount),
        state=REFUND_STATES.to_wire[refund.state],
        cause=REFUND_CAUSES.to_wire[refund.cause],
        reason=REFUND_REASONS.to_wire[RefundReason(refund.reason)]
        if refund.reason
        else pb.REFUND_REASON_UNSPECIFIED,
        psp_account=refund.psp_account,
        psp_reference=refund.psp_reference,
        failure=None if failure is None else failure_message(failure),
        create_time=timestamp_message(refund.create_time),
        update_time=timestamp_message(refund.update_time),
        version=refund.version,
    )
