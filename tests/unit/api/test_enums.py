"""The contract's enums beside ours."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from gateway.aliases.import_values import ImportRefusalReason
from gateway.api import enums
from gateway.api.payment_messages import NEXT_ACTIONS
from gateway.api.proposal_service import PRESENTATIONS
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
from gateway.payments.commands import CancelReason
from gateway.refunds.commands import RefundReason
from legacy_bridge.port import OrderState
from paygate.v1 import alias_service_pb2 as alias_pb
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1 import reconciliation_service_pb2 as rec_pb
from paygate.v1 import refund_service_pb2 as refund_pb
from psp.methods import Presentation
from psp.port import CapturePolicy, FailureCategory, NextActionKind, PaymentMethod, ReviewStatus
from psp.settlements import SettlementCategory

_PAIRS = [
    (enums.METHODS, PaymentMethod, pb.PaymentMethod),
    (enums.PAYMENT_STATES, PaymentState, pb.PaymentState),
    (enums.REVIEW_STATES, ReviewStatus, pb.ReviewState),
    (enums.CAPTURE_POLICIES, CapturePolicy, pb.CapturePolicy),
    (enums.FAILURE_CATEGORIES, FailureCategory, pb.FailureCategory),
    (enums.CANCEL_REASONS, CancelReason, pb.CancelReason),
    (enums.ENSURE_OUTCOMES, EnsureOutcome, customer_pb.EnsureOutcome),
    (enums.ORDER_STATES, OrderState, order_pb.OrderState),
    (enums.REFUND_STATES, RefundState, refund_pb.RefundState),
    (enums.REFUND_CAUSES, RefundCause, refund_pb.RefundCause),
    (enums.REFUND_REASONS, RefundReason, refund_pb.RefundReason),
    (enums.RECONCILIATION_STATES, RunState, rec_pb.ReconciliationState),
    (enums.SETTLEMENT_CATEGORIES, SettlementCategory, rec_pb.SettlementCategory),
    (enums.DISCREPANCY_TYPES, DiscrepancyType, rec_pb.DiscrepancyType),
    (enums.DISCREPANCY_STATES, DiscrepancyState, rec_pb.DiscrepancyState),
    (enums.DISCREPANCY_RESOLUTIONS, Resolution, rec_pb.DiscrepancyResolution),
    (enums.DISCREPANCY_SUBJECTS, SubjectKind, rec_pb.DiscrepancySubject),
    (enums.IMPORT_REFUSALS, ImportRefusalReason, alias_pb.ImportRefusalReason),
]


@pytest.mark.parametrize("table,ours,theirs", _PAIRS, ids=[ours.__name__ for _, ours, _ in _PAIRS])
def test_every_value_has_its_partner(
    table: enums.EnumTable[Any, Any], ours: type[StrEnum], theirs: Any
) -> None:
    """Both ways are total, but for UNSPECIFIED, and partners have one name."""
    assert set(table.to_wire) == set(ours)
    assert set(table.from_wire) == set(theirs.values()) - {0}
    for value, number in table:
        assert table.from_wire[number] is value
        assert theirs.Name(number).endswith(f"_{value.name}")


def test_an_enum_is_read_or_refused() -> None:
    """Required: UNSPECIFIED is refused. Optional: it is nothing. Unknown: never."""
    assert enums.METHODS.read(pb.PAYMENT_METHOD_CARD) is PaymentMethod.CARD
    assert enums.METHODS.read_optional(0) is None
    with pytest.raises(ValueError, match="is required: send one of PAYMENT_METHOD_CARD"):
        enums.METHODS.read(0)
    for read in (enums.METHODS.read, enums.METHODS.read_optional):
        with pytest.raises(ValueError, match="99 is not known here"):
            read(99)


def test_everything_that_is_written_by_kind_is_total() -> None:
    """Next actions and presentations."""
    assert set(NEXT_ACTIONS) == set(NextActionKind)
    assert set(PRESENTATIONS) == set(Presentation)
