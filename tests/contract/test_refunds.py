"""RefundService over a real connection."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo

from gateway.domain.permissions import operation_in_progress
from gateway.domain.refund import RefundCause, RefundFilter, RefundState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason, StateViolation
from gateway.ids import new_id
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment, RefundReason
from paygate.v1 import refund_service_pb2 as pb
from paygate.v1.money_pb2 import Money as MoneyMessage
from paygate.v1.payment_service_pb2 import FAILURE_CATEGORY_DECLINED
from paygate.v1.refund_service_pb2_grpc import RefundServiceStub
from psp.errors import NotSentError, PspError, UnavailableError
from psp.money import Money
from psp.port import FailureCategory, PspFailure
from tests.contract.edge import RunningEdge, detail, rich_status
from tests.support.payments import payment, refund
from tests.unit.api.requests import REQUEST_ID

_ID = refund().id
_FIVE = MoneyMessage(amount_minor=500, currency_code="EUR")
_KEY = RequestKey("anonymous", "CreateRefund", REQUEST_ID)
_FAILURE = PspFailure(FailureCategory.DECLINED, "declined", "It came back.", retryable=False)


def _create(**changes: Any) -> pb.CreateRefundRequest:
    fields: dict[str, Any] = {"request_id": REQUEST_ID, "payment_id": payment().id}
    return pb.CreateRefundRequest(**{**fields, **changes})


async def _refused(running: RunningEdge, error: Exception) -> grpc.aio.AioRpcError:
    async def behave() -> None:
        raise error

    running.use_cases.refunds.behave = behave
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RefundServiceStub(running.channel).CreateRefund(_create())
    return caught.value


@pytest.mark.parametrize(
    "request_message,command",
    [
        pytest.param(
            _create(),
            CreateRefundCommand(_KEY, RefundedPayment(payment_id=payment().id)),
            id="all that is left",
        ),
        pytest.param(
            _create(amount=_FIVE, reason=pb.REFUND_REASON_DUPLICATE),
            CreateRefundCommand(
                _KEY,
                RefundedPayment(payment_id=payment().id),
                Money(500, "EUR"),
                RefundReason.DUPLICATE,
            ),
            id="a part",
        ),
        pytest.param(
            pb.CreateRefundRequest(
                request_id=REQUEST_ID,
                psp_payment=pb.PspPaymentReference(
                    psp_account="ogone_fr", psp_reference="WEB-1", order_id="order-1"
                ),
            ),
            CreateRefundCommand(_KEY, RefundedPayment("", "ogone_fr", "WEB-1", "order-1")),
            id="made before the gateway was",
        ),
    ],
)
async def test_a_refund_is_created_for_its_caller(
    running: RunningEdge, request_message: pb.CreateRefundRequest, command: CreateRefundCommand
) -> None:
    """Every field arrives, with the time that the caller still waits."""
    answer = await RefundServiceStub(running.channel).CreateRefund(request_message, timeout=9)

    assert answer.refund.id == _ID
    assert running.use_cases.refunds.seen == [command]
    (remaining_s,) = running.use_cases.refunds.remaining_s
    assert remaining_s is not None
    # Below 10 s a deadline travels in steps of 10 ms, rounded up.
    assert 0 < remaining_s <= 9.01


async def test_a_refund_is_read_whole(running: RunningEdge) -> None:
    """Every field is written, and a refund that failed says why."""
    stored = refund(RefundState.FAILED, failure=_FAILURE, cause=RefundCause.ORDER, version=3)
    running.use_cases.refunds.refunds = [stored]

    request = pb.GetRefundRequest(refund_id=_ID)
    told = (await RefundServiceStub(running.channel).GetRefund(request)).refund

    assert running.use_cases.refunds.seen == [_ID]
    assert (told.id, told.payment_id, told.order_id, told.psp_account, told.psp_reference) == (
        stored.id,
        stored.payment_id,
        stored.order_id,
        "stripe_eu",
        "re_1",
    )
    assert (told.state, told.cause, told.reason, told.amount, told.version) == (
        pb.REFUND_STATE_FAILED,
        pb.REFUND_CAUSE_ORDER,
        pb.REFUND_REASON_REQUESTED_BY_CUSTOMER,
        _FIVE,
        3,
    )
    assert (told.failure.category, told.failure.psp_code) == (FAILURE_CATEGORY_DECLINED, "declined")
    assert told.create_time.ToDatetime(stored.create_time.tzinfo) == stored.create_time


@pytest.mark.parametrize("state", RefundState)
@pytest.mark.parametrize("cause", RefundCause)
async def test_every_state_and_cause_has_a_word(
    running: RunningEdge, state: RefundState, cause: RefundCause
) -> None:
    """None is left unspecified; one that was made at the PSP has no reason."""
    reason = "" if cause is RefundCause.PSP else "fraudulent"
    running.use_cases.refunds.refunds = [refund(state, cause=cause, reason=reason)]

    request = pb.GetRefundRequest(refund_id=_ID)
    told = (await RefundServiceStub(running.channel).GetRefund(request)).refund

    assert pb.RefundState.Name(told.state) == f"REFUND_STATE_{state.name}"
    assert pb.RefundCause.Name(told.cause) == f"REFUND_CAUSE_{cause.name}"
    assert (told.reason == pb.REFUND_REASON_UNSPECIFIED) is (reason == "")
    assert not told.HasField("failure")


async def test_refunds_are_read_page_by_page(running: RunningEdge) -> None:
    """The token of each page leads on from its last refund, and the last page has none."""
    ids = [new_id("ref") for _ in range(3)]
    running.use_cases.refunds.refunds = [refund(id=each) for each in ids]
    stub = RefundServiceStub(running.channel)
    request = pb.ListRefundsRequest(
        payment_id=payment().id,
        order_id="order-1",
        state=pb.REFUND_STATE_PENDING,
        psp_account="stripe_eu",
        page_size=2,
    )
    first = await stub.ListRefunds(request)
    assert [each.id for each in first.refunds] == ids[:2]

    request.page_token = first.next_page_token
    request.page_size = 3
    assert (await stub.ListRefunds(request)).next_page_token == ""

    wanted = RefundFilter(payment().id, "order-1", RefundState.PENDING, "stripe_eu")
    assert running.use_cases.refunds.seen == [(wanted, "", 2), (wanted, ids[1], 3)]


@pytest.mark.parametrize(
    "change", [{"payment_id": payment().id}, {"state": pb.REFUND_STATE_FAILED}, {"order_id": "o"}]
)
async def test_a_token_belongs_to_its_filters(running: RunningEdge, change: dict[str, Any]) -> None:
    """With other filters a page would leave out what nobody saw."""
    running.use_cases.refunds.refunds = [refund(), refund()]
    stub = RefundServiceStub(running.channel)
    token = (await stub.ListRefunds(pb.ListRefundsRequest(page_size=1))).next_page_token

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ListRefunds(pb.ListRefundsRequest(page_token=token, **change))

    (violation,) = detail(rich_status(caught.value), BadRequest).field_violations
    assert violation.field == "page_token"


@pytest.mark.parametrize(
    "rpc,request_message,fields",
    [
        ("CreateRefund", pb.CreateRefundRequest(), ["request_id", "payment_id"]),
        (
            "CreateRefund",
            _create(
                request_id="1",
                payment_id="pi_1",
                amount=MoneyMessage(amount_minor=0, currency_code="EURO"),
                reason=99,
            ),
            ["request_id", "payment_id", "amount.amount_minor", "amount.currency_code", "reason"],
        ),
        (
            "CreateRefund",
            pb.CreateRefundRequest(
                request_id=REQUEST_ID, psp_payment=pb.PspPaymentReference(order_id="a b")
            ),
            ["psp_payment.psp_account", "psp_payment.psp_reference", "psp_payment.order_id"],
        ),
        ("GetRefund", pb.GetRefundRequest(), ["refund_id"]),
        ("GetRefund", pb.GetRefundRequest(refund_id=payment().id), ["refund_id"]),
        (
            "ListRefunds",
            pb.ListRefundsRequest(
                payment_id="x",
                order_id="a b",
                state=99,  # type: ignore[arg-type]  # of a later version
                psp_account="a b",
                page_size=-1,
            ),
            ["payment_id", "order_id", "state", "psp_account", "page_size"],
        ),
        ("ListRefunds", pb.ListRefundsRequest(page_token="?"), ["page_token"]),
    ],
)
async def test_every_violation_arrives_at_once(
    running: RunningEdge, rpc: str, request_message: Any, fields: list[str]
) -> None:
    """INVALID_ARGUMENT with all field paths, and the use case was never called."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(RefundServiceStub(running.channel), rpc)(request_message)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = detail(rich_status(caught.value), BadRequest).field_violations
    assert [each.field for each in violations] == fields
    assert running.use_cases.refunds.seen == []


@pytest.mark.parametrize(
    "reason,code",
    [
        (Reason.PAYMENT_NOT_FOUND, grpc.StatusCode.NOT_FOUND),
        (Reason.REFUND_NOT_FOUND, grpc.StatusCode.NOT_FOUND),
        (Reason.PAYMENT_STATE, grpc.StatusCode.FAILED_PRECONDITION),
        (Reason.AMOUNT_EXCEEDS_REMAINING, grpc.StatusCode.FAILED_PRECONDITION),
        (Reason.PSP_REJECTED, grpc.StatusCode.FAILED_PRECONDITION),
        (Reason.REQUEST_ID_REUSED, grpc.StatusCode.FAILED_PRECONDITION),
        (Reason.REQUEST_IN_PROGRESS, grpc.StatusCode.ABORTED),
        (Reason.OPERATION_IN_PROGRESS, grpc.StatusCode.ABORTED),
        (Reason.DEADLINE_TOO_SHORT, grpc.StatusCode.DEADLINE_EXCEEDED),
        (Reason.STORAGE_UNAVAILABLE, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_every_refusal_has_its_code_and_reason(
    running: RunningEdge, reason: Reason, code: grpc.StatusCode
) -> None:
    """The reason is what callers decide by, and its metadata comes along."""
    error = await _refused(running, PaygateError(reason, "words", metadata={"a": "b"}))

    told = detail(rich_status(error), ErrorInfo)
    assert (error.code(), told.reason) == (code, reason.value)
    assert told.metadata == {"a": "b"}


async def test_a_state_and_a_wait_are_told_in_details(running: RunningEdge) -> None:
    """PreconditionFailure says what holds, RetryInfo when to come again."""
    state = StateViolation("PAYMENT_STATE", "payments/pay_1", "nothing left")
    error = await _refused(running, PaygateError(Reason.PAYMENT_STATE, "words", states=[state]))
    (violation,) = detail(rich_status(error), PreconditionFailure).violations
    assert (violation.type, violation.subject) == ("PAYMENT_STATE", "payments/pay_1")

    error = await _refused(running, operation_in_progress("pay_1"))
    assert detail(rich_status(error), RetryInfo).retry_delay.seconds == 1


@pytest.mark.parametrize(
    "psp_error", [NotSentError("stripe_eu", "no way"), UnavailableError("stripe_eu", "away")]
)
async def test_a_psp_that_cannot_be_reached_is_unavailable(
    running: RunningEdge, psp_error: PspError
) -> None:
    """Surely nothing happened: the same request may come again."""
    error = await _refused(running, psp_error)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
