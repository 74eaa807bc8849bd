"""PaymentService: parse, call, convert."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.api import payment_requests as requests
from gateway.api.call import Call, Context, current_call
from gateway.api.payment_messages import event_message, next_action_message, payment_message
from gateway.api.streams import closing
from gateway.api.use_cases import PaymentUseCases
from gateway.domain.payment import Payment
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceServicer


class PaymentServicer(PaymentServiceServicer):
    """Serves paygate.v1.PaymentService."""

    def __init__(self, payments: PaymentUseCases) -> None:
        self._payments = payments

    async def CreatePayment(
        self, request: pb.CreatePaymentRequest, context: Context
    ) -> pb.CreatePaymentResponse:
        """See the contract."""
        call = current_call()
        command = requests.read_create(request, call)
        created = await self._payments.create(command, call.remaining_s())
        _note(call, created.payment)
        action = created.next_action
        return pb.CreatePaymentResponse(
            payment=payment_message(created.payment),
            next_action=None if action is None else next_action_message(action),
        )

    async def GetPayment(
        self, request: pb.GetPaymentRequest, context: Context
    ) -> pb.GetPaymentResponse:
        """See the contract."""
        payment = await self._payments.get(requests.read_get(request))
        return pb.GetPaymentResponse(payment=payment_message(payment))

    async def ListPayments(
        self, request: pb.ListPaymentsRequest, context: Context
    ) -> pb.ListPaymentsResponse:
        """See the contract."""
        query = requests.read_list(request)
        page = await self._payments.list(query.wanted, query.before_id, query.page_size)
        return pb.ListPaymentsResponse(
            payments=[payment_message(payment) for payment in page.payments],
            next_page_token=query.next_token(page.payments[-1].id) if page.has_more else "",
        )

    async def CapturePayment(
        self, request: pb.CapturePaymentRequest, context: Context
    ) -> pb.CapturePaymentResponse:
        """See the contract."""
        call = current_call()
        command = requests.read_capture(request, call)
        payment = await self._payments.capture(command, call.remaining_s())
        _note(call, payment)
        return pb.CapturePaymentResponse(payment=payment_message(payment))

    async def CancelPayment(
        self, request: pb.CancelPaymentRequest, context: Context
    ) -> pb.CancelPaymentResponse:
        """See the contract."""
        call = current_call()
        command = requests.read_cancel(request, call)
        payment = await self._payments.cancel(command, call.remaining_s())
        _note(call, payment)
        return pb.CancelPaymentResponse(payment=payment_message(payment))

    async def ListPaymentEvents(
        self, request: pb.ListPaymentEventsRequest, context: Context
    ) -> pb.ListPaymentEventsResponse:
        """See the contract."""
        query = requests.read_events(request)
        page = await self._payments.events(query.payment_id, query.after_sequence, query.page_size)
        return pb.ListPaymentEventsResponse(
            events=[event_message(entry) for entry in page.entries],
            next_page_token=query.next_token(page.entries[-1].sequence) if page.has_more else "",
        )

    async def WatchPayment(
        self, request: pb.WatchPaymentRequest, context: Context
    ) -> AsyncIterator[pb.WatchPaymentResponse]:
        """See the contract."""
        query = requests.read_watch(request)
        async with closing(self._payments.watch(query.payment_id, query.after_sequence)) as steps:
            async for step in steps:
                yield pb.WatchPaymentResponse(
                    event=event_message(step.entry), payment=payment_message(step.payment)
                )


def _note(call: Call, payment: Payment) -> None:
    """Tell the call's log line what became of the payment."""
    call.facts.update(
        payment_id=payment.id, state=payment.state.value, psp_account=payment.psp_account
    )
    if payment.failure is not None:
        call.facts["failure"] = payment.failure.category.value
