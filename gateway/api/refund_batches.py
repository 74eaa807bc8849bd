"""RefundService's files: streams to what the use cases take, batches to messages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from gateway.api import texts, values
from gateway.api.call import Call
from gateway.api.enums import REFUND_BATCH_STATES, REFUND_LINE_REFUSALS
from gateway.api.fields import RequestReader
from gateway.api.money import timestamp_message
from gateway.api.streams import until_closed
from gateway.domain.refund_batch import BatchProgress
from gateway.domain.refund_movement import Standing
from gateway.domain.requests import RequestKey
from gateway.refund_files.values import BatchOptions, RefusedLine
from paygate.v1 import refund_service_pb2 as pb

_BATCH_ID: Final = re.compile(r"rbt_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)


async def read_options(
    requests: AsyncIterator[pb.SubmitRefundBatchRequest], call: Call
) -> BatchOptions:
    """Take the options off a stream, whose first message they are; raises `PaygateError`."""
    first = await anext(requests, pb.SubmitRefundBatchRequest())
    reader = RequestReader()
    if not first.HasField("options"):
        reader.refuse("options", "are required as the first message of the stream")
        reader.finish()
    options = first.options
    request_id = reader.read("options.request_id", values.request_id, options.request_id)
    file_name = reader.read("options.file_name", texts.file_name, options.file_name)
    reader.finish()
    call.facts["request_id"] = request_id.value
    return BatchOptions(RequestKey(call.caller, call.rpc, request_id.value), file_name.value)


async def read_chunks(
    requests: AsyncIterator[pb.SubmitRefundBatchRequest],
) -> AsyncIterator[bytes]:
    """Yield the pieces of the file that follow the options; raises `PaygateError`."""
    async for request in until_closed(requests):
        if not request.HasField("chunk"):
            reader = RequestReader()
            reader.refuse("chunk", "is required in each message after the first")
            reader.finish()
        yield request.chunk


def read_get(request: pb.GetRefundBatchRequest) -> str:
    """Return the batch's id; raises `PaygateError` if it has not the form of one."""
    reader = RequestReader()
    batch_id = reader.read("batch_id", _batch_id, request.batch_id)
    reader.finish()
    return batch_id.value


def batch_message(progress: BatchProgress) -> pb.RefundBatch:
    """Write a batch."""
    batch, counts = progress.batch, progress.counts
    return pb.RefundBatch(
        id=batch.id,
        file_name=batch.file_name,
        state=REFUND_BATCH_STATES.to_wire[batch.state],
        message=batch.message,
        lines=batch.lines,
        accepted=batch.accepted,
        duplicates=batch.duplicates,
        refused=batch.refused,
        waiting=counts.get(Standing.WAITING, 0),
        sent=counts.get(Standing.SENT, 0),
        pending=counts.get(Standing.PENDING, 0),
        requires_action=counts.get(Standing.REQUIRES_ACTION, 0),
        succeeded=counts.get(Standing.SUCCEEDED, 0),
        failed=counts.get(Standing.FAILED, 0),
        refused_later=counts.get(Standing.REFUSED, 0),
        done=progress.is_done,
        create_time=timestamp_message(batch.create_time),
    )


def refusal_message(refusal: RefusedLine) -> pb.RefundLineRefusal:
    """Write why a line was refused."""
    return pb.RefundLineRefusal(
        line_number=refusal.number,
        movement_id=refusal.movement_id,
        reason=REFUND_LINE_REFUSALS.to_wire[refusal.reason],
        message=refusal.message,
    )


def _batch_id(text: str) -> str:
    if not text:
        raise ValueError("is required")
    if not _BATCH_ID.fullmatch(text):
        raise ValueError('is no batch\'s id: send one as answered, "rbt_" and 26 characters')
    return text
