"""The asyncio client: one method an RPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from types import TracebackType
from typing import Self, TypeVar

import grpc

from gateway.client.channel import DEFAULT_MAX_MESSAGE_BYTES, open_aio_channel
from gateway.client.errors import typed_error
from gateway.client.requests import (
    DEFAULT_TIMEOUTS,
    ChangeT,
    Timeouts,
    batch_message,
    batch_messages,
    caller_metadata,
    import_message,
    import_messages,
    with_request_id,
)
from paygate.v1.alias_service_pb2 import (
    DeleteAliasRequest,
    DeleteAliasResponse,
    ImportAliasesOptions,
    ImportAliasesRequest,
    ImportAliasesResponse,
    ListAliasesRequest,
    ListAliasesResponse,
    SetDefaultAliasRequest,
    SetDefaultAliasResponse,
    StartAliasSetupRequest,
    StartAliasSetupResponse,
)
from paygate.v1.alias_service_pb2_grpc import AliasServiceStub
from paygate.v1.customer_service_pb2 import EnsureCustomerRequest, EnsureCustomerResponse
from paygate.v1.customer_service_pb2_grpc import CustomerServiceStub
from paygate.v1.order_service_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ReportInvoicedRequest,
    ReportInvoicedResponse,
    ReportParcelCreatedRequest,
    ReportParcelCreatedResponse,
)
from paygate.v1.order_service_pb2_grpc import OrderServiceStub
from paygate.v1.payment_service_pb2 import (
    CancelPaymentRequest,
    CancelPaymentResponse,
    CapturePaymentRequest,
    CapturePaymentResponse,
    CreatePaymentRequest,
    CreatePaymentResponse,
    GetPaymentRequest,
    GetPaymentResponse,
    ListPaymentEventsRequest,
    ListPaymentEventsResponse,
    ListPaymentsRequest,
    ListPaymentsResponse,
    Payment,
    PaymentEvent,
    WatchPaymentRequest,
    WatchPaymentResponse,
)
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest, GetPaymentProposalResponse
from paygate.v1.proposal_service_pb2_grpc import ProposalServiceStub
from paygate.v1.reconciliation_service_pb2 import (
    Discrepancy,
    GetReconciliationRequest,
    GetReconciliationResponse,
    ListDiscrepanciesRequest,
    ListDiscrepanciesResponse,
    ResolveDiscrepancyRequest,
    ResolveDiscrepancyResponse,
    RunReconciliationRequest,
    RunReconciliationResponse,
)
from paygate.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub
from paygate.v1.refund_service_pb2 import (
    CreateRefundRequest,
    CreateRefundResponse,
    GetRefundBatchRequest,
    GetRefundBatchResponse,
    GetRefundRequest,
    GetRefundResponse,
    ListRefundsRequest,
    ListRefundsResponse,
    Refund,
    SubmitRefundBatchOptions,
    SubmitRefundBatchRequest,
    SubmitRefundBatchResponse,
)
from paygate.v1.refund_service_pb2_grpc import RefundServiceStub
from paygate.v1.routing_service_pb2 import (
    CountryPolicy,
    ExplainRouteRequest,
    ExplainRouteResponse,
    GetCountryPolicyRequest,
    GetCountryPolicyResponse,
    ListCountryPoliciesRequest,
    ListCountryPoliciesResponse,
)
from paygate.v1.routing_service_pb2_grpc import RoutingServiceStub

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class AsyncPaygateClient:
    """Calls Paygate from an event loop.

    A failed call raises `PaygateRpcError` or one of its kinds. `timeout_s` is for the whole call,
    retries included; None takes the client's `timeouts`. A change without a request_id is given one
    before it is first sent, in a copy; it stays the same through retries, and the exception carries
    it. Use the client as a context manager or `close` it; a channel it was given is left open.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        caller: str = "",
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._owned_channel: grpc.aio.Channel | None = None
        self._metadata = caller_metadata(caller)
        self._timeouts = timeouts
        self._aliases = AliasServiceStub(channel)
        self._customers = CustomerServiceStub(channel)
        self._orders = OrderServiceStub(channel)
        self._payments = PaymentServiceStub(channel)
        self._proposals = ProposalServiceStub(channel)
        self._reconciliations = ReconciliationServiceStub(channel)
        self._refunds = RefundServiceStub(channel)
        self._routing = RoutingServiceStub(channel)

    @classmethod
    def connect(
        cls,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        caller: str = "",
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    ) -> Self:
        """Return a client with a channel of its own to e.g. `dns:///paygate:50051`.

        Without credentials it speaks plaintext. `caller` names the calling service to a gateway
        that does not know it by certificate. The connection is made by the first call.
        """
        channel = open_aio_channel(target, credentials, max_message_bytes)
        client = cls(channel, caller=caller, timeouts=timeouts)
        client._owned_channel = channel
        return client

    async def close(self) -> None:
        """Close the channel that `connect` opened; calls under way are canceled."""
        if self._owned_channel is not None:
            await self._owned_channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def get_payment_proposal(
        self, request: GetPaymentProposalRequest, *, timeout_s: float | None = None
    ) -> GetPaymentProposalResponse:
        """Return what to offer a shopper."""
        return await self._read(self._proposals.GetPaymentProposal, request, timeout_s)

    async def ensure_customer(
        self, request: EnsureCustomerRequest, *, timeout_s: float | None = None
    ) -> EnsureCustomerResponse:
        """Make the shopper known at the PSPs that serve her."""
        return await self._change(self._customers.EnsureCustomer, request, timeout_s)

    async def list_aliases(
        self, request: ListAliasesRequest, *, timeout_s: float | None = None
    ) -> ListAliasesResponse:
        """Return a shopper's saved methods."""
        return await self._read(self._aliases.ListAliases, request, timeout_s)

    async def start_alias_setup(
        self, request: StartAliasSetupRequest, *, timeout_s: float | None = None
    ) -> StartAliasSetupResponse:
        """Begin to save a method without a payment."""
        return await self._change(self._aliases.StartAliasSetup, request, timeout_s)

    async def set_default_alias(
        self, request: SetDefaultAliasRequest, *, timeout_s: float | None = None
    ) -> SetDefaultAliasResponse:
        """Make an alias the shopper's default."""
        return await self._change(self._aliases.SetDefaultAlias, request, timeout_s)

    async def delete_alias(
        self, request: DeleteAliasRequest, *, timeout_s: float | None = None
    ) -> DeleteAliasResponse:
        """Delete an alias, for ever."""
        return await self._change(self._aliases.DeleteAlias, request, timeout_s)

    async def import_aliases(
        self,
        chunks: AsyncIterable[bytes] | Iterable[bytes],
        *,
        psp_account: str,
        legacy_account: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> ImportAliasesResponse:
        """Send the mapping file of a card import, in pieces of any size up to a message's.

        After an error send the file again: it goes on from where it was left.
        """
        timeout_s = self._timeouts.import_s if timeout_s is None else timeout_s
        options = with_request_id(
            ImportAliasesOptions(
                request_id=request_id, psp_account=psp_account, legacy_account=legacy_account
            )
        )
        call = self._aliases.ImportAliases(
            _import_messages(options, chunks), timeout=timeout_s, metadata=self._metadata
        )
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise typed_error(error, options.request_id) from error

    async def create_payment(
        self, request: CreatePaymentRequest, *, timeout_s: float | None = None
    ) -> CreatePaymentResponse:
        """Create a payment. A decline is an answer with `payment.failure`, not an error."""
        return await self._change(self._payments.CreatePayment, request, timeout_s)

    async def get_payment(
        self, request: GetPaymentRequest, *, timeout_s: float | None = None
    ) -> GetPaymentResponse:
        """Return one payment."""
        return await self._read(self._payments.GetPayment, request, timeout_s)

    async def list_payments(
        self, request: ListPaymentsRequest, *, timeout_s: float | None = None
    ) -> ListPaymentsResponse:
        """Return one page of payments, newest first."""
        return await self._read(self._payments.ListPayments, request, timeout_s)

    async def capture_payment(
        self, request: CapturePaymentRequest, *, timeout_s: float | None = None
    ) -> CapturePaymentResponse:
        """Take the money of an authorised payment, in full or in part."""
        return await self._change(self._payments.CapturePayment, request, timeout_s)

    async def cancel_payment(
        self, request: CancelPaymentRequest, *, timeout_s: float | None = None
    ) -> CancelPaymentResponse:
        """Release a payment that was not captured."""
        return await self._change(self._payments.CancelPayment, request, timeout_s)

    async def list_payment_events(
        self, request: ListPaymentEventsRequest, *, timeout_s: float | None = None
    ) -> ListPaymentEventsResponse:
        """Return one page of a payment's journal, oldest first."""
        return await self._read(self._payments.ListPaymentEvents, request, timeout_s)

    async def create_refund(
        self, request: CreateRefundRequest, *, timeout_s: float | None = None
    ) -> CreateRefundResponse:
        """Give captured money back, in full or in part."""
        return await self._change(self._refunds.CreateRefund, request, timeout_s)

    async def get_refund(
        self, request: GetRefundRequest, *, timeout_s: float | None = None
    ) -> GetRefundResponse:
        """Return one refund."""
        return await self._read(self._refunds.GetRefund, request, timeout_s)

    async def list_refunds(
        self, request: ListRefundsRequest, *, timeout_s: float | None = None
    ) -> ListRefundsResponse:
        """Return one page of refunds, newest first."""
        return await self._read(self._refunds.ListRefunds, request, timeout_s)

    async def get_reconciliation(
        self, request: GetReconciliationRequest, *, timeout_s: float | None = None
    ) -> GetReconciliationResponse:
        """Return a run, or both books of a country's day."""
        return await self._read(self._reconciliations.GetReconciliation, request, timeout_s)

    async def list_discrepancies(
        self, request: ListDiscrepanciesRequest, *, timeout_s: float | None = None
    ) -> ListDiscrepanciesResponse:
        """Return one page of discrepancies, newest first."""
        return await self._read(self._reconciliations.ListDiscrepancies, request, timeout_s)

    async def resolve_discrepancy(
        self, request: ResolveDiscrepancyRequest, *, timeout_s: float | None = None
    ) -> ResolveDiscrepancyResponse:
        """Say who looks after a discrepancy, and what became of it."""
        return await self._change(self._reconciliations.ResolveDiscrepancy, request, timeout_s)

    async def submit_refund_batch(
        self,
        chunks: AsyncIterable[bytes] | Iterable[bytes],
        *,
        file_name: str,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> SubmitRefundBatchResponse:
        """Send a refund file, in pieces of any size up to a message's.

        After an error send the file again: what was accepted is not accepted twice.
        """
        timeout_s = self._timeouts.import_s if timeout_s is None else timeout_s
        options = with_request_id(
            SubmitRefundBatchOptions(request_id=request_id, file_name=file_name)
        )
        call = self._refunds.SubmitRefundBatch(
            _batch_messages(options, chunks), timeout=timeout_s, metadata=self._metadata
        )
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise typed_error(error, options.request_id) from error

    async def get_refund_batch(
        self, request: GetRefundBatchRequest, *, timeout_s: float | None = None
    ) -> GetRefundBatchResponse:
        """Return how far a refund file is."""
        return await self._read(self._refunds.GetRefundBatch, request, timeout_s)

    async def get_order(
        self, request: GetOrderRequest, *, timeout_s: float | None = None
    ) -> GetOrderResponse:
        """Return an order of the back office with its payments."""
        return await self._read(self._orders.GetOrder, request, timeout_s)

    async def report_invoiced(
        self, request: ReportInvoicedRequest, *, timeout_s: float | None = None
    ) -> ReportInvoicedResponse:
        """Report an invoice of a captured payment: the credit on the shopper's account."""
        return await self._change(self._orders.ReportInvoiced, request, timeout_s)

    async def report_parcel_created(
        self, request: ReportParcelCreatedRequest, *, timeout_s: float | None = None
    ) -> ReportParcelCreatedResponse:
        """Report a parcel: the debit that reconciles invoices of its order."""
        return await self._change(self._orders.ReportParcelCreated, request, timeout_s)

    async def explain_route(
        self, request: ExplainRouteRequest, *, timeout_s: float | None = None
    ) -> ExplainRouteResponse:
        """Return where a payment would go, and why."""
        return await self._read(self._routing.ExplainRoute, request, timeout_s)

    async def get_country_policy(
        self, request: GetCountryPolicyRequest, *, timeout_s: float | None = None
    ) -> GetCountryPolicyResponse:
        """Return how a country sells."""
        return await self._read(self._routing.GetCountryPolicy, request, timeout_s)

    async def list_country_policies(
        self, request: ListCountryPoliciesRequest, *, timeout_s: float | None = None
    ) -> ListCountryPoliciesResponse:
        """Return one page of countries' policies."""
        return await self._read(self._routing.ListCountryPolicies, request, timeout_s)

    async def run_reconciliation(
        self, request: RunReconciliationRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[RunReconciliationResponse, None]:
        """Yield a run's progress, and then the run.

        The run itself goes on if nobody listens any more. After an error, send the same request
        again, with the request_id that the exception carries.
        """
        timeout_s = self._timeouts.reconcile_s if timeout_s is None else timeout_s
        sent = with_request_id(request)
        call = self._reconciliations.RunReconciliation(
            sent, timeout=timeout_s, metadata=self._metadata
        )
        try:
            async for step in call:
                yield step
        except grpc.aio.AioRpcError as error:
            raise typed_error(error, sent.request_id) from error
        finally:
            call.cancel()

    async def watch_payment(
        self, request: WatchPaymentRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[WatchPaymentResponse, None]:
        """Yield the steps of a payment as they happen, until it is final.

        The call begins with the first step asked for. To cancel it early, wrap it in
        `contextlib.aclosing`. After an error, watch again after the last sequence seen.
        """
        timeout_s = self._timeouts.watch_s if timeout_s is None else timeout_s
        call = self._payments.WatchPayment(request, timeout=timeout_s, metadata=self._metadata)
        try:
            async for step in call:
                yield step
        except grpc.aio.AioRpcError as error:
            raise typed_error(error) from error
        finally:
            call.cancel()

    async def iter_payments(
        self, request: ListPaymentsRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[Payment, None]:
        """Yield every payment that matches, newest first, page by page."""
        page = ListPaymentsRequest()
        page.CopyFrom(request)
        while True:
            answer = await self.list_payments(page, timeout_s=timeout_s)
            for one in answer.payments:
                yield one
            if not answer.next_page_token:
                return
            page.page_token = answer.next_page_token

    async def iter_refunds(
        self, request: ListRefundsRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[Refund, None]:
        """Yield every refund that matches, newest first, page by page."""
        page = ListRefundsRequest()
        page.CopyFrom(request)
        while True:
            answer = await self.list_refunds(page, timeout_s=timeout_s)
            for one in answer.refunds:
                yield one
            if not answer.next_page_token:
                return
            page.page_token = answer.next_page_token

    async def iter_discrepancies(
        self, request: ListDiscrepanciesRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[Discrepancy, None]:
        """Yield every discrepancy that matches, newest first, page by page."""
        page = ListDiscrepanciesRequest()
        page.CopyFrom(request)
        while True:
            answer = await self.list_discrepancies(page, timeout_s=timeout_s)
            for one in answer.discrepancies:
                yield one
            if not answer.next_page_token:
                return
            page.page_token = answer.next_page_token

    async def iter_payment_events(
        self, request: ListPaymentEventsRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[PaymentEvent, None]:
        """Yield a payment's journal, oldest first, page by page."""
        page = ListPaymentEventsRequest()
        page.CopyFrom(request)
        while True:
            answer = await self.list_payment_events(page, timeout_s=timeout_s)
            for one in answer.events:
                yield one
            if not answer.next_page_token:
                return
            page.page_token = answer.next_page_token

    async def iter_country_policies(
        self, request: ListCountryPoliciesRequest, *, timeout_s: float | None = None
    ) -> AsyncGenerator[CountryPolicy, None]:
        """Yield every country's policy, by country code, page by page."""
        page = ListCountryPoliciesRequest()
        page.CopyFrom(request)
        while True:
            answer = await self.list_country_policies(page, timeout_s=timeout_s)
            for one in answer.policies:
                yield one
            if not answer.next_page_token:
                return
            page.page_token = answer.next_page_token

    async def _read(
        self,
        call: grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT],
        request: RequestT,
        timeout_s: float | None,
    ) -> ResponseT:
        timeout_s = self._timeouts.read_s if timeout_s is None else timeout_s
        try:
            return await call(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise typed_error(error) from error

    async def _change(
        self,
        call: grpc.aio.UnaryUnaryMultiCallable[ChangeT, ResponseT],
        request: ChangeT,
        timeout_s: float | None,
    ) -> ResponseT:
        timeout_s = self._timeouts.change_s if timeout_s is None else timeout_s
        sent = with_request_id(request)
        try:
            return await call(sent, timeout=timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise typed_error(error, sent.request_id) from error


async def _import_messages(
    options: ImportAliasesOptions, chunks: AsyncIterable[bytes] | Iterable[bytes]
) -> AsyncGenerator[ImportAliasesRequest, None]:
    if not isinstance(chunks, AsyncIterable):
        for message in import_messages(options, chunks):
            yield message
        return
    yield import_message(options)
    async for chunk in chunks:
        if chunk:
            yield import_message(chunk)


async def _batch_messages(
    options: SubmitRefundBatchOptions, chunks: AsyncIterable[bytes] | Iterable[bytes]
) -> AsyncGenerator[SubmitRefundBatchRequest, None]:
    if not isinstance(chunks, AsyncIterable):
        for message in batch_messages(options, chunks):
            yield message
        return
    yield batch_message(options)
    async for chunk in chunks:
        if chunk:
            yield batch_message(chunk)
