"""A file that breaks off on its way to the gateway is not taken for a whole one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest

from paygate.v1 import alias_service_pb2, refund_service_pb2
from paygate.v1.alias_service_pb2_grpc import AliasServiceStub
from paygate.v1.refund_service_pb2_grpc import RefundServiceStub
from tests.contract.edge import RunningEdge
from tests.support.processes import eventually_seen
from tests.unit.api.requests import REQUEST_ID

Upload = grpc.aio.StreamUnaryCall[Any, Any]


def _refunds(running: RunningEdge) -> tuple[Any, Upload, list[Any], Any]:
    message = refund_service_pb2.SubmitRefundBatchRequest
    options = refund_service_pb2.SubmitRefundBatchOptions(request_id=REQUEST_ID, file_name="a.csv")
    call = RefundServiceStub(running.channel).SubmitRefundBatch()
    begin = [message(options=options), message(chunk=b"one")]
    return running.use_cases.refund_batches, call, begin, message


def _aliases(running: RunningEdge) -> tuple[Any, Upload, list[Any], Any]:
    message = alias_service_pb2.ImportAliasesRequest
    options = alias_service_pb2.ImportAliasesOptions(request_id=REQUEST_ID, psp_account="stripe_eu")
    call = AliasServiceStub(running.channel).ImportAliases()
    begin = [message(options=options), message(chunk=b"one")]
    return running.use_cases.aliases, call, begin, message


async def _cancel(_running: RunningEdge, call: Upload, _message: Any) -> None:
    call.cancel()


async def _hang_up(running: RunningEdge, _call: Upload, _message: Any) -> None:
    await running.channel.close()


async def _send_too_much(_running: RunningEdge, call: Upload, message: Any) -> None:
    await call.write(message(chunk=b"x" * 100_000))


_WAYS: Final = (_cancel, _hang_up, _send_too_much)


@pytest.mark.parametrize("kind", [_refunds, _aliases])
@pytest.mark.parametrize("break_off", _WAYS)
async def test_the_end_of_a_call_is_no_end_of_a_file(
    running: RunningEdge, kind: Callable[[RunningEdge], Any], break_off: Callable[..., Any]
) -> None:
    """Canceled, its connection lost, or a message too large for the server."""
    files, call, begin, message = kind(running)
    for part in begin:
        await call.write(part)
    await eventually_seen(lambda: _arrived(files))

    await break_off(running, call, message)
    with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
        await call
    await eventually_seen(lambda: _is_over(running))

    assert files.file == [b"one"]
    assert not files.is_whole


async def _arrived(files: Any) -> bool:
    return bool(files.file)


async def _is_over(running: RunningEdge) -> bool:
    return bool(running.counted.finished)
