"""The contract's enums beside ours: one table each, read in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from gateway.aliases.import_values import ImportRefusalReason
from gateway.customers.commands import EnsureOutcome
from gateway.domain.discrepancy import (
    DiscrepancyState,
    DiscrepancyType,
    Resolution,
    SubjectKind,
)
from gateway.domain.payment import PaymentState
from gateway.domain.reconciliation import RunState
from gateway.domain.refund import RefundCause, RefundState
from gateway.domain.refund_batch import BatchState
from gateway.payments.commands import CancelReason
from gateway.refund_files.values import LineRefusal
from gateway.refunds.commands import RefundReason
from legacy_bridge.port import MovementKind, OrderState
from paygate.v1 import alias_service_pb2 as alias_pb
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1 import reconciliation_service_pb2 as rec_pb
from paygate.v1 import refund_service_pb2 as refund_pb
from psp.port import CapturePolicy, FailureCategory, PaymentMethod, ReviewStatus
from psp.settlements import SettlementCategory

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
REFUND_STATES: Final = EnumTable(
    refund_pb.RefundState.Name,
    {
        RefundState.OUTCOME_UNKNOWN: refund_pb.REFUND_STATE_OUTCOME_UNKNOWN,
        RefundState.PENDING: refund_pb.REFUND_STATE_PENDING,
        RefundState.REQUIRES_ACTION: refund_pb.REFUND_STATE_REQUIRES_ACTION,
        RefundState.SUCCEEDED: refund_pb.REFUND_STATE_SUCCEEDED,
        RefundState.FAILED: refund_pb.REFUND_STATE_FAILED,
    },
)
REFUND_CAUSES: Final = EnumTable(
    refund_pb.RefundCause.Name,
    {
        RefundCause.REQUESTED: refund_pb.REFUND_CAUSE_REQUESTED,
        RefundCause.FILE: refund_pb.REFUND_CAUSE_FILE,
        RefundCause.ORDER: refund_pb.REFUND_CAUSE_ORDER,
        RefundCause.PSP: refund_pb.REFUND_CAUSE_PSP,
    },
)
REFUND_REASONS: Final = EnumTable(
    refund_pb.RefundReason.Name,
    {
        RefundReason.REQUESTED_BY_CUSTOMER: refund_pb.REFUND_REASON_REQUESTED_BY_CUSTOMER,
        RefundReason.DUPLICATE: refund_pb.REFUND_REASON_DUPLICATE,
        RefundReason.FRAUDULENT: refund_pb.REFUND_REASON_FRAUDULENT,
    },
)
REFUND_BATCH_STATES: Final = EnumTable(
    refund_pb.RefundBatchState.Name,
    {
        BatchState.READING: refund_pb.REFUND_BATCH_STATE_READING,
        BatchState.READ: refund_pb.REFUND_BATCH_STATE_READ,
        BatchState.REFUSED: refund_pb.REFUND_BATCH_STATE_REFUSED,
        BatchState.BROKEN_OFF: refund_pb.REFUND_BATCH_STATE_BROKEN_OFF,
    },
)
REFUND_LINE_REFUSALS: Final = EnumTable(
    refund_pb.RefundLineRefusalReason.Name,
    {
        LineRefusal.MALFORMED: refund_pb.REFUND_LINE_REFUSAL_REASON_MALFORMED,
        LineRefusal.WRONG_ENCODING: refund_pb.REFUND_LINE_REFUSAL_REASON_WRONG_ENCODING,
        LineRefusal.INVALID_AMOUNT: refund_pb.REFUND_LINE_REFUSAL_REASON_INVALID_AMOUNT,
        LineRefusal.MOVEMENT_REUSED: refund_pb.REFUND_LINE_REFUSAL_REASON_MOVEMENT_REUSED,
        LineRefusal.UNKNOWN_ACCOUNT: refund_pb.REFUND_LINE_REFUSAL_REASON_UNKNOWN_ACCOUNT,
        LineRefusal.UNKNOWN_PAYMENT: refund_pb.REFUND_LINE_REFUSAL_REASON_UNKNOWN_PAYMENT,
        LineRefusal.OTHER_ORDER: refund_pb.REFUND_LINE_REFUSAL_REASON_OTHER_ORDER,
        LineRefusal.WRONG_CURRENCY: refund_pb.REFUND_LINE_REFUSAL_REASON_WRONG_CURRENCY,
        LineRefusal.EXCEEDS_REMAINING: refund_pb.REFUND_LINE_REFUSAL_REASON_EXCEEDS_REMAINING,
        LineRefusal.PAYMENT_STATE: refund_pb.REFUND_LINE_REFUSAL_REASON_PAYMENT_STATE,
        LineRefusal.PSP_REJECTED: refund_pb.REFUND_LINE_REFUSAL_REASON_PSP_REJECTED,
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
MOVEMENT_KINDS: Final = EnumTable(
    order_pb.MovementKind.Name,
    {
        MovementKind.INVOICE_CREDIT: order_pb.MOVEMENT_KIND_INVOICE_CREDIT,
        MovementKind.PARCEL_DEBIT: order_pb.MOVEMENT_KIND_PARCEL_DEBIT,
        MovementKind.REFUND_CREDIT: order_pb.MOVEMENT_KIND_REFUND_CREDIT,
        MovementKind.REFUND_DEBIT: order_pb.MOVEMENT_KIND_REFUND_DEBIT,
        MovementKind.REFUND_REVERSAL: order_pb.MOVEMENT_KIND_REFUND_REVERSAL,
        MovementKind.REFUND_LAPSE: order_pb.MOVEMENT_KIND_REFUND_LAPSE,
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
RECONCILIATION_STATES: Final = EnumTable(
    rec_pb.ReconciliationState.Name,
    {
        RunState.WAITING_FOR_REPORT: rec_pb.RECONCILIATION_STATE_WAITING_FOR_REPORT,
        RunState.STAGING: rec_pb.RECONCILIATION_STATE_STAGING,
        RunState.MATCHING: rec_pb.RECONCILIATION_STATE_MATCHING,
        RunState.MATCHED: rec_pb.RECONCILIATION_STATE_MATCHED,
        RunState.DONE: rec_pb.RECONCILIATION_STATE_DONE,
        RunState.FAILED: rec_pb.RECONCILIATION_STATE_FAILED,
    },
)
SETTLEMENT_CATEGORIES: Final = EnumTable(
    rec_pb.SettlementCategory.Name,
    {
        SettlementCategory.CHARGE: rec_pb.SETTLEMENT_CATEGORY_CHARGE,
        SettlementCategory.CHARGE_FAILURE: rec_pb.SETTLEMENT_CATEGORY_CHARGE_FAILURE,
        SettlementCategory.REFUND: rec_pb.SETTLEMENT_CATEGORY_REFUND,
        SettlementCategory.REFUND_FAILURE: rec_pb.SETTLEMENT_CATEGORY_REFUND_FAILURE,
        SettlementCategory.RELEASE: rec_pb.SETTLEMENT_CATEGORY_RELEASE,
        SettlementCategory.DISPUTE: rec_pb.SETTLEMENT_CATEGORY_DISPUTE,
        SettlementCategory.DISPUTE_REVERSAL: rec_pb.SETTLEMENT_CATEGORY_DISPUTE_REVERSAL,
        SettlementCategory.FEE: rec_pb.SETTLEMENT_CATEGORY_FEE,
        SettlementCategory.PAYOUT: rec_pb.SETTLEMENT_CATEGORY_PAYOUT,
        SettlementCategory.PAYOUT_REVERSAL: rec_pb.SETTLEMENT_CATEGORY_PAYOUT_REVERSAL,
        SettlementCategory.ADJUSTMENT: rec_pb.SETTLEMENT_CATEGORY_ADJUSTMENT,
        SettlementCategory.UNKNOWN: rec_pb.SETTLEMENT_CATEGORY_UNKNOWN,
    },
)
DISCREPANCY_TYPES: Final = EnumTable(
    rec_pb.DiscrepancyType.Name,
    {
        DiscrepancyType.MISSING_AT_PSP: rec_pb.DISCREPANCY_TYPE_MISSING_AT_PSP,
        DiscrepancyType.MISSING_HERE: rec_pb.DISCREPANCY_TYPE_MISSING_HERE,
        DiscrepancyType.AMOUNT: rec_pb.DISCREPANCY_TYPE_AMOUNT,
        DiscrepancyType.CURRENCY: rec_pb.DISCREPANCY_TYPE_CURRENCY,
        DiscrepancyType.STATUS: rec_pb.DISCREPANCY_TYPE_STATUS,
        DiscrepancyType.DUPLICATE: rec_pb.DISCREPANCY_TYPE_DUPLICATE,
        DiscrepancyType.UNEXPLAINED_FEE: rec_pb.DISCREPANCY_TYPE_UNEXPLAINED_FEE,
        DiscrepancyType.UNKNOWN_CATEGORY: rec_pb.DISCREPANCY_TYPE_UNKNOWN_CATEGORY,
    },
)
DISCREPANCY_STATES: Final = EnumTable(
    rec_pb.DiscrepancyState.Name,
    {
        DiscrepancyState.OPEN: rec_pb.DISCREPANCY_STATE_OPEN,
        DiscrepancyState.RESOLVED: rec_pb.DISCREPANCY_STATE_RESOLVED,
        DiscrepancyState.HEALED: rec_pb.DISCREPANCY_STATE_HEALED,
    },
)
DISCREPANCY_RESOLUTIONS: Final = EnumTable(
    rec_pb.DiscrepancyResolution.Name,
    {
        Resolution.EXPLAINED: rec_pb.DISCREPANCY_RESOLUTION_EXPLAINED,
        Resolution.CORRECTED: rec_pb.DISCREPANCY_RESOLUTION_CORRECTED,
        Resolution.WRITTEN_OFF: rec_pb.DISCREPANCY_RESOLUTION_WRITTEN_OFF,
    },
)
DISCREPANCY_SUBJECTS: Final = EnumTable(
    rec_pb.DiscrepancySubject.Name,
    {
        SubjectKind.PAYMENT: rec_pb.DISCREPANCY_SUBJECT_PAYMENT,
        SubjectKind.REFUND: rec_pb.DISCREPANCY_SUBJECT_REFUND,
        SubjectKind.LINE: rec_pb.DISCREPANCY_SUBJECT_LINE,
    },
)
