"""RefundService's files over a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from gateway.domain.requests import RequestKey
from gateway.refund_files.values import BatchOptions
from paygate.v1 import refund_service_pb2 as pb
from paygate.v1.refund_service_pb2_grpc import RefundServiceStub
from tests.contract.edge import RunningEdge, detail, refund_progress, rich_status
from tests.unit.api.requests import REQUEST_ID

_BATCH_ID = refund_progress().batch.id
_OPTIONS = pb.SubmitRefundBatchOptions(request_id=REQUEST_ID, file_name="refunds.csv")


async def _file(*parts: Any) -> AsyncIterator[pb.SubmitRefundBatchRequest]:
    for part in parts:
        if isinstance(part, bytes):
            yield pb.SubmitRefundBatchRequest(chunk=part)
        elif part is None:
            yield pb.SubmitRefundBatchRequest()
        else:
            yield pb.SubmitRefundBatchRequest(options=part)


async def test_a_file_is_submitted(running: RunningEdge) -> None:
    """The pieces arrive as sent, and the refused lines are told one by one."""
    call = RefundServiceStub(running.channel).SubmitRefundBatch(_file(_OPTIONS, b"one", b"two"))
    answer = await call

    batches = running.use_cases.refund_batches
    key = RequestKey("anonymous", "SubmitRefundBatch", REQUEST_ID)
    assert batches.seen[0] == BatchOptions(key, "refunds.csv")
    assert batches.file == [b"one", b"two"]
    assert answer.batch.id == _BATCH_ID
    (refusal,) = answer.refusals
    assert (refusal.line_number, refusal.movement_id, refusal.message) == (3, "M-2", "words")
    assert refusal.reason == pb.REFUND_LINE_REFUSAL_REASON_WRONG_CURRENCY


async def test_a_batch_tells_how_far_it_is(running: RunningEdge) -> None:
    """Every count stands in a field of its own."""
    request = pb.GetRefundBatchRequest(batch_id=_BATCH_ID)
    batch = (await RefundServiceStub(running.channel).GetRefundBatch(request)).batch

    assert (batch.file_name, batch.state) == ("refunds.csv", pb.REFUND_BATCH_STATE_READ)
    assert (batch.lines, batch.accepted, batch.duplicates, batch.refused) == (10, 7, 1, 2)
    assert [
        batch.waiting,
        batch.sent,
        batch.pending,
        batch.requires_action,
        batch.succeeded,
        batch.failed,
        batch.refused_later,
    ] == [1, 2, 3, 4, 5, 6, 7]
    assert not batch.done
    assert batch.create_time.ToDatetime().year == 2026


async def test_a_batch_that_is_not_there_is_not_found(running: RunningEdge) -> None:
    """With a reason of its own."""
    request = pb.GetRefundBatchRequest(batch_id="rbt_" + "1" * 26)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RefundServiceStub(running.channel).GetRefundBatch(request)

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert detail(rich_status(caught.value), ErrorInfo).reason == "REFUND_BATCH_NOT_FOUND"


@pytest.mark.parametrize(
    "parts,fields",
    [
        pytest.param((), ["options"], id="nothing"),
        pytest.param((b"one",), ["options"], id="a file without options"),
        pytest.param(
            (pb.SubmitRefundBatchOptions(),),
            ["options.request_id", "options.file_name"],
            id="options that are none",
        ),
        pytest.param(
            (pb.SubmitRefundBatchOptions(request_id=REQUEST_ID, file_name="a\nb"),),
            ["options.file_name"],
            id="a name that cannot be printed",
        ),
        pytest.param((_OPTIONS, b"one", _OPTIONS), ["chunk"], id="options twice"),
        pytest.param((_OPTIONS, None), ["chunk"], id="an empty message"),
    ],
)
async def test_a_stream_of_another_form_is_refused(
    running: RunningEdge, parts: tuple[Any, ...], fields: list[str]
) -> None:
    """INVALID_ARGUMENT names what is wrong with it."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RefundServiceStub(running.channel).SubmitRefundBatch(_file(*parts))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = detail(rich_status(caught.value), BadRequest).field_violations
    assert [each.field for each in violations] == fields


@pytest.mark.parametrize("batch_id", ["", "rbt_1", "pay_" + "0" * 26])
async def test_an_id_of_another_form_is_refused(running: RunningEdge, batch_id: str) -> None:
    """Before anybody looks for it."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RefundServiceStub(running.channel).GetRefundBatch(
            pb.GetRefundBatchRequest(batch_id=batch_id)
        )

    violations = detail(rich_status(caught.value), BadRequest).field_violations
    assert [each.field for each in violations] == ["batch_id"]
    assert running.use_cases.refund_batches.seen == []
