"""The contract's enums beside ours: one table each, read in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from gateway.aliases.import_values import ImportRefusalReason
from gateway.customers.commands import EnsureOutcome
from gateway.domain.payment import PaymentState
from gateway.payments.commands import CancelReason
from legacy_bridge.port import OrderState
from paygate.v1 import alias_service_pb2 as alias_pb
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as pb
from psp.port import CapturePolicy, FailureCategory, PaymentMethod, ReviewStatus

D = TypeVar("D")
W = TypeVar("W", bound=int)


class EnumTable(Generic[D, W]):
    """Pairs of our value and the contract's number."""

    def __init__(self, name_of: Callable[[W], str], pairs: Mapping[D, W]) -> None:
        self.to_wire: Mapping[D, W] = MappingProxyType(dict(pairs))
        """Our values to the contract's; total over ours."""
        self.from_wire: Mapping[int, D] = MappingProxyType(
            {number: value for value, number in pairs.items()}
        )
        """The contract's numbers to our values; total but for UNSPECIFIED."""
        self._names = tuple(name_of(number) for number in pairs.values())

    def read(self, number: int) -> D:
        """Parse an enum that must be given; raises `ValueError`."""
        if number not in self.from_wire:
            problem = "is required" if number == 0 else f"{number} is not known here"
            raise ValueError(f"{problem}: send one of {', '.join(self._names)}")
        return self.from_wire[number]

    def read_optional(self, number: int) -> D | None:
        """Parse an enum that may be left UNSPECIFIED; raises `ValueError`."""
        return None if number == 0 else self.read(number)

    def __iter__(self) -> Iterator[tuple[D, W]]:
        return iter(self.to_wire.items())


METHODS: Final = EnumTable(
    pb.PaymentMethod.Name,
    {
        PaymentMethod.CARD: pb.PAYMENT_METHOD_CARD,
        PaymentMethod.PAYPAL: pb.PAYMENT_METHOD_PAYPAL,
    },
)
PAYMENT_STATES: Final = EnumTable(
    pb.PaymentState.Name,
    {
        PaymentState.AWAITING_CUSTOMER: pb.PAYMENT_STATE_AWAITING_CUSTOMER,
        PaymentState.PROCESSING: pb.PAYMENT_STATE_PROCESSING,
        PaymentState.AUTHORIZED: pb.PAYMENT_STATE_AUTHORIZED,
        PaymentState.CAPTURED: pb.PAYMENT_STATE_CAPTURED,
        PaymentState.CANCELED: pb.PAYMENT_STATE_CANCELED,
        PaymentState.FAILED: pb.PAYMENT_STATE_FAILED,
        PaymentState.OUTCOME_UNKNOWN: pb.PAYMENT_STATE_OUTCOME_UNKNOWN,
    },
)
REVIEW_STATES: Final = EnumTable(
    pb.ReviewState.Name,
    {
        ReviewStatus.NONE: pb.REVIEW_STATE_NONE,
        ReviewStatus.OPEN: pb.REVIEW_STATE_OPEN,
        ReviewStatus.APPROVED: pb.REVIEW_STATE_APPROVED,
        ReviewStatus.REJECTED: pb.REVIEW_STATE_REJECTED,
    },
)
CAPTURE_POLICIES: Final = EnumTable(
    pb.CapturePolicy.Name,
    {
        CapturePolicy.AUTOMATIC: pb.CAPTURE_POLICY_AUTOMATIC,
        CapturePolicy.AT_ORDER: pb.CAPTURE_POLICY_AT_ORDER,
        CapturePolicy.MANUAL: pb.CAPTURE_POLICY_MANUAL,
    },
)
FAILURE_CATEGORIES: Final = EnumTable(
    pb.FailureCategory.Name,
    {
        FailureCategory.DECLINED: pb.FAILURE_CATEGORY_DECLINED,
        FailureCategory.INSUFFICIENT_FUNDS: pb.FAILURE_CATEGORY_INSUFFICIENT_FUNDS,
        FailureCategory.EXPIRED_CARD: pb.FAILURE_CATEGORY_EXPIRED_CARD,
        FailureCategory.INCORRECT_DATA: pb.FAILURE_CATEGORY_INCORRECT_DATA,
        FailureCategory.AUTHENTICATION_FAILED: pb.FAILURE_CATEGORY_AUTHENTICATION_FAILED,
        FailureCategory.FRAUD_SUSPECTED: pb.FAILURE_CATEGORY_FRAUD_SUSPECTED,
        FailureCategory.PROCESSING_ERROR: pb.FAILURE_CATEGORY_PROCESSING_ERROR,
        FailureCategory.EXPIRED: pb.FAILURE_CATEGORY_EXPIRED,
        FailureCategory.ABANDONED: pb.FAILURE_CATEGORY_ABANDONED,
        FailureCategory.NEVER_CREATED: pb.FAILURE_CATEGORY_NEVER_CREATED,
    },
)
CANCEL_REASONS: Final = EnumTable(
    pb.CancelReason.Name,
    {
        CancelReason.REQUESTED_BY_CUSTOMER: pb.CANCEL_REASON_REQUESTED_BY_CUSTOMER,
        CancelReason.ABANDONED: pb.CANCEL_REASON_ABANDONED,
        CancelReason.DUPLICATE: pb.CANCEL_REASON_DUPLICATE,
        CancelReason.FRAUDULENT: pb.CANCEL_REASON_FRAUDULENT,
    },
)
ENSURE_OUTCOMES: Final = EnumTable(
    customer_pb.EnsureOutcome.Name,
    {
        EnsureOutcome.CREATED: customer_pb.ENSURE_OUTCOME_CREATED,
        EnsureOutcome.UPDATED: customer_pb.ENSURE_OUTCOME_UPDATED,
        EnsureOutcome.UNCHANGED: customer_pb.ENSURE_OUTCOME_UNCHANGED,
    },
)
ORDER_STATES: Final = EnumTable(
    order_pb.OrderState.Name,
    {
        OrderState.DRAFT: order_pb.ORDER_STATE_DRAFT,
        OrderState.HELD: order_pb.ORDER_STATE_HELD,
        OrderState.RELEASED: order_pb.ORDER_STATE_RELEASED,
        OrderState.CANCELED: order_pb.ORDER_STATE_CANCELED,
    },
)
IMPORT_REFUSALS: Final = EnumTable(
    alias_pb.ImportRefusalReason.Name,
    {
        ImportRefusalReason.MALFORMED: alias_pb.IMPORT_REFUSAL_REASON_MALFORMED,
        ImportRefusalReason.WRONG_ENCODING: alias_pb.IMPORT_REFUSAL_REASON_WRONG_ENCODING,
        ImportRefusalReason.UNKNOWN_ALIAS: alias_pb.IMPORT_REFUSAL_REASON_UNKNOWN_ALIAS,
        ImportRefusalReason.AMBIGUOUS_ALIAS: alias_pb.IMPORT_REFUSAL_REASON_AMBIGUOUS_ALIAS,
        ImportRefusalReason.OTHER_CUSTOMER: alias_pb.IMPORT_REFUSAL_REASON_OTHER_CUSTOMER,
        ImportRefusalReason.OTHER_CARD: alias_pb.IMPORT_REFUSAL_REASON_OTHER_CARD,
        ImportRefusalReason.OTHER_CONTENT: alias_pb.IMPORT_REFUSAL_REASON_OTHER_CONTENT,
        ImportRefusalReason.LINKED_OTHERWISE: alias_pb.IMPORT_REFUSAL_REASON_LINKED_OTHERWISE,
        ImportRefusalReason.TAKEN: alias_pb.IMPORT_REFUSAL_REASON_TAKEN,
    },
)
