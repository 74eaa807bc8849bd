"""Who a caller is, and what it may call: decided by its certificate and the list in force."""

from __future__ import annotations

import grpc
import pytest
import structlog
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.api.server import SERVICES
from gateway.identity.callers import CallerPolicy
from gateway.identity.methods import METHOD_NAMES, methods_of
from gateway.identity.names import CallerName
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.contract.edge import detail, rich_status
from tests.contract.identity.conftest import CHECKOUT, FINANCE, SecureEdge, failure_of
from tests.support.certificates import Names
from tests.support.payments import payment
from tests.support.processes import eventually

_GET = pb.GetPaymentRequest(payment_id=payment().id)
_REQUEST_ID = "0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f"
_CAPTURE = pb.CapturePaymentRequest(request_id=_REQUEST_ID, payment_id=payment().id)
_STRANGER = "spiffe://shop.example/stranger"


async def _raw(channel: grpc.aio.Channel, method: str) -> grpc.aio.AioRpcError:
    """Call a method with an empty message; return how it failed."""
    call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/{method}")
    return await failure_of(call(b"").read())


async def test_a_request_id_belongs_to_the_name_in_the_certificate(secure: SecureEdge) -> None:
    """What metadata say of the caller is nobody's word."""
    async with secure.channel(secure.pair()) as channel:
        await PaymentServiceStub(channel).CapturePayment(
            _CAPTURE, metadata=(("x-paygate-caller", FINANCE),)
        )

    (command,) = secure.use_cases.payments.seen
    assert command.key.caller == CHECKOUT


@pytest.mark.parametrize("uri", [FINANCE, _STRANGER])
async def test_a_method_outside_the_list_is_refused(
    secure: SecureEdge, uri: str, lines: list[structlog.typing.EventDict]
) -> None:
    """A listed caller and one that nobody listed: nothing is read or done, and the log says who."""
    async with secure.channel(secure.pair(uri)) as channel:
        error = await failure_of(PaymentServiceStub(channel).CapturePayment(_CAPTURE))

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    info = detail(rich_status(error), ErrorInfo)
    method = "paygate.v1.PaymentService/CapturePayment"
    assert (info.reason, dict(info.metadata)) == (
        "CALLER_NOT_ALLOWED",
        {"caller": uri, "method": method},
    )
    assert secure.use_cases.payments.seen == []
    # The caller may hear of it before the server has told its log.
    await eventually(lambda: any(line["event"] == "rpc" for line in lines))
    (line,) = [line for line in lines if line["event"] == "rpc"]
    assert (line["caller"], line["code"]) == (uri, "PERMISSION_DENIED")


async def test_nothing_is_open_to_a_stranger(secure: SecureEdge) -> None:
    """Default deny, for every method that is served, reflection's too."""
    async with secure.channel(secure.pair(_STRANGER)) as channel:
        codes = {method: (await _raw(channel, method)).code() for method in METHOD_NAMES}

    # channelz is switched off unless the settings say otherwise.
    served = [method for method in METHOD_NAMES if "channelz" not in method]
    assert {codes[method] for method in served} == {grpc.StatusCode.PERMISSION_DENIED}
    assert {codes[method] for method in codes if method not in served} == {
        grpc.StatusCode.UNIMPLEMENTED
    }


async def test_health_is_open_to_every_verified_caller(secure: SecureEdge) -> None:
    """Balancers ask before anything else, as whoever they are."""
    async with secure.channel(secure.pair(_STRANGER)) as channel:
        for service in ("", *SERVICES):
            request = health_pb2.HealthCheckRequest(service=service)
            answer = await HealthStub(channel).Check(request)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_list_in_force_is_the_last_one(secure: SecureEdge) -> None:
    """A connection that is open feels a new list with its next call."""
    async with secure.channel(secure.pair()) as channel:
        stub = PaymentServiceStub(channel)
        await stub.GetPayment(_GET)
        secure.callers.replace(CallerPolicy({FINANCE: methods_of("paygate.v1.*")}))
        error = await failure_of(stub.GetPayment(_GET))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "names",
    [
        Names("checkout"),
        Names("checkout", uris=("https://shop.example/checkout",)),
        Names("checkout", uris=(CHECKOUT, FINANCE)),
        Names("checkout", uris=("spiffe://shop.example/",)),
    ],
    ids=["none", "another uri", "two of them", "malformed"],
)
async def test_a_certificate_that_names_no_caller(secure: SecureEdge, names: Names) -> None:
    """Its holder is verified, and nobody knows who that is."""
    async with secure.channel(secure.authority.issue(names)) as channel:
        error = await failure_of(PaymentServiceStub(channel).GetPayment(_GET))

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert detail(rich_status(error), ErrorInfo).reason == "CALLER_NOT_IDENTIFIED"


@pytest.mark.parametrize("named_by", [CallerName.COMMON_NAME, CallerName.DNS_NAME])
async def test_other_parts_of_a_certificate_can_name(
    secure: SecureEdge, named_by: CallerName
) -> None:
    """The subject's common name, or the one DNS name, by the settings."""
    secure.callers.replace(CallerPolicy({"checkout.shop": methods_of("paygate.v1.*")}))
    known, other = Names("checkout.shop", dns=("checkout.shop",)), Names("other", dns=("other",))
    async with secure.channel(secure.authority.issue(known)) as channel:
        await PaymentServiceStub(channel).CapturePayment(_CAPTURE)
    async with secure.channel(secure.authority.issue(other)) as channel:
        error = await failure_of(PaymentServiceStub(channel).GetPayment(_GET))

    (command,) = secure.use_cases.payments.seen
    assert command.key.caller == "checkout.shop"
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
