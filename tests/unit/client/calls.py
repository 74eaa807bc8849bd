"""Every RPC of the contract that the clients call, with a request and an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from paygate.v1 import (
    alias_service_pb2,
    customer_service_pb2,
    order_service_pb2,
    payment_service_pb2,
    proposal_service_pb2,
    reconciliation_service_pb2,
    refund_service_pb2,
    routing_service_pb2,
)
from paygate.v1.alias_service_pb2 import (
    DeleteAliasRequest,
    DeleteAliasResponse,
    ListAliasesRequest,
    ListAliasesResponse,
    SetDefaultAliasRequest,
    SetDefaultAliasResponse,
    StartAliasSetupRequest,
    StartAliasSetupResponse,
)
from paygate.v1.customer_service_pb2 import EnsureCustomerRequest, EnsureCustomerResponse
from paygate.v1.order_service_pb2 import (
    AccountMovement,
    GetOrderRequest,
    GetOrderResponse,
    ReportInvoicedRequest,
    ReportInvoicedResponse,
    ReportParcelCreatedRequest,
    ReportParcelCreatedResponse,
)
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
)
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest, GetPaymentProposalResponse
from paygate.v1.reconciliation_service_pb2 import (
    Discrepancy,
    GetReconciliationRequest,
    GetReconciliationResponse,
    ListDiscrepanciesRequest,
    ListDiscrepanciesResponse,
    Reconciliation,
    ResolveDiscrepancyRequest,
    ResolveDiscrepancyResponse,
)
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
    RefundBatch,
)
from paygate.v1.routing_service_pb2 import (
    ExplainRouteRequest,
    ExplainRouteResponse,
    GetCountryPolicyRequest,
    GetCountryPolicyResponse,
    ListCountryPoliciesRequest,
    ListCountryPoliciesResponse,
)

SERVICES: Final[tuple[ServiceDescriptor, ...]] = tuple(
    service
    for module in (
        alias_service_pb2,
        customer_service_pb2,
        order_service_pb2,
        payment_service_pb2,
        proposal_service_pb2,
        reconciliation_service_pb2,
        refund_service_pb2,
        routing_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)
METHODS: Final[dict[str, MethodDescriptor]] = {
    method.name: method for service in SERVICES for method in service.methods
}
PAYMENT: Final = Payment(id="pay_1", order_id="order-1")
REFUND: Final = Refund(id="ref_1", payment_id="pay_1")


@dataclass(frozen=True, slots=True)
class UnaryCall:
    """One unary RPC as a caller makes it."""

    method: str
    """The client's method."""
    request: Any
    answer: Message

    @property
    def rpc(self) -> str:
        """The contract's name of it."""
        return "".join(word.capitalize() for word in self.method.split("_"))

    @property
    def changes(self) -> bool:
        """Whether its request carries a request_id."""
        return "request_id" in self.request.DESCRIPTOR.fields_by_name


UNARY_CALLS: Final = (
    UnaryCall(
        "get_payment_proposal",
        GetPaymentProposalRequest(country_code="FR"),
        GetPaymentProposalResponse(capture_policy=payment_service_pb2.CAPTURE_POLICY_AT_ORDER),
    ),
    UnaryCall(
        "ensure_customer",
        EnsureCustomerRequest(customer_id="shopper-1"),
        EnsureCustomerResponse(
            links=[customer_service_pb2.CustomerLink(psp_account="stripe_fr")],
        ),
    ),
    UnaryCall(
        "list_aliases",
        ListAliasesRequest(customer_id="shopper-1"),
        ListAliasesResponse(aliases=[proposal_service_pb2.Alias(id="als_1")]),
    ),
    UnaryCall(
        "start_alias_setup",
        StartAliasSetupRequest(customer_id="shopper-1"),
        StartAliasSetupResponse(psp_reference="seti_1"),
    ),
    UnaryCall(
        "set_default_alias",
        SetDefaultAliasRequest(alias_id="als_1"),
        SetDefaultAliasResponse(alias=proposal_service_pb2.Alias(id="als_1")),
    ),
    UnaryCall("delete_alias", DeleteAliasRequest(alias_id="als_1"), DeleteAliasResponse()),
    UnaryCall(
        "create_payment",
        CreatePaymentRequest(order_id="order-1"),
        CreatePaymentResponse(payment=PAYMENT),
    ),
    UnaryCall(
        "get_payment", GetPaymentRequest(payment_id="pay_1"), GetPaymentResponse(payment=PAYMENT)
    ),
    UnaryCall(
        "list_payments",
        ListPaymentsRequest(order_id="order-1"),
        ListPaymentsResponse(payments=[PAYMENT]),
    ),
    UnaryCall(
        "capture_payment",
        CapturePaymentRequest(payment_id="pay_1"),
        CapturePaymentResponse(payment=PAYMENT),
    ),
    UnaryCall(
        "cancel_payment",
        CancelPaymentRequest(payment_id="pay_1"),
        CancelPaymentResponse(payment=PAYMENT),
    ),
    UnaryCall(
        "list_payment_events",
        ListPaymentEventsRequest(payment_id="pay_1"),
        ListPaymentEventsResponse(events=[payment_service_pb2.PaymentEvent(sequence=1)]),
    ),
    UnaryCall(
        "create_refund",
        CreateRefundRequest(payment_id="pay_1"),
        CreateRefundResponse(refund=REFUND),
    ),
    UnaryCall("get_refund", GetRefundRequest(refund_id="ref_1"), GetRefundResponse(refund=REFUND)),
    UnaryCall(
        "list_refunds",
        ListRefundsRequest(payment_id="pay_1"),
        ListRefundsResponse(refunds=[REFUND]),
    ),
    UnaryCall(
        "get_refund_batch",
        GetRefundBatchRequest(batch_id="rbt_1"),
        GetRefundBatchResponse(batch=RefundBatch(id="rbt_1")),
    ),
    UnaryCall(
        "get_reconciliation",
        GetReconciliationRequest(reconciliation_id="rec_1"),
        GetReconciliationResponse(reconciliation=Reconciliation(id="rec_1")),
    ),
    UnaryCall(
        "list_discrepancies",
        ListDiscrepanciesRequest(psp_account="stripe_eu"),
        ListDiscrepanciesResponse(discrepancies=[Discrepancy(id="dis_1")]),
    ),
    UnaryCall(
        "resolve_discrepancy",
        ResolveDiscrepancyRequest(discrepancy_id="dis_1"),
        ResolveDiscrepancyResponse(discrepancy=Discrepancy(id="dis_1")),
    ),
    UnaryCall(
        "get_order",
        GetOrderRequest(order_id="order-1"),
        GetOrderResponse(order=order_service_pb2.Order(order_id="order-1")),
    ),
    UnaryCall(
        "report_invoiced",
        ReportInvoicedRequest(order_id="order-1", invoice_id="I-1"),
        ReportInvoicedResponse(movement=AccountMovement(movement_key="invoice:I-1")),
    ),
    UnaryCall(
        "report_parcel_created",
        ReportParcelCreatedRequest(order_id="order-1", parcel_id="P-1"),
        ReportParcelCreatedResponse(movement=AccountMovement(movement_key="parcel:P-1")),
    ),
    UnaryCall(
        "explain_route",
        ExplainRouteRequest(country_code="FR"),
        ExplainRouteResponse(psp_account="stripe_fr"),
    ),
    UnaryCall(
        "get_country_policy",
        GetCountryPolicyRequest(country_code="FR"),
        GetCountryPolicyResponse(config_digest="d1"),
    ),
    UnaryCall(
        "list_country_policies",
        ListCountryPoliciesRequest(page_size=5),
        ListCountryPoliciesResponse(config_digest="d1"),
    ),
)
CHANGES: Final = tuple(call for call in UNARY_CALLS if call.changes)


def name_of(call: UnaryCall) -> str:
    """Return what a parametrised test is called by."""
    return call.method
