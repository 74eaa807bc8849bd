"""What grpcurl sees."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2 as pb

from gateway.api.server import SERVICES
from tests.contract.edge import RunningEdge, running_edge

_VERSIONS = ["grpc.reflection.v1", "grpc.reflection.v1alpha"]
_SHOWN = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    *SERVICES,
]
_PROTOS = Path(__file__).parents[2] / "protos"


async def _ask(
    running: RunningEdge, version: str, *requests: pb.ServerReflectionRequest
) -> list[pb.ServerReflectionResponse]:
    """Ask on one stream, by the wire format alone: no stub of v1 is needed."""
    method = running.channel.stream_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=pb.ServerReflectionRequest.SerializeToString,
        response_deserializer=pb.ServerReflectionResponse.FromString,
    )
    return [answer async for answer in method(iter(requests))]


async def _files(
    running: RunningEdge, request: pb.ServerReflectionRequest, version: str = _VERSIONS[0]
) -> list[descriptor_pb2.FileDescriptorProto]:
    (answer,) = await _ask(running, version, request)
    return [
        descriptor_pb2.FileDescriptorProto.FromString(data)
        for data in answer.file_descriptor_response.file_descriptor_proto
    ]


@pytest.mark.parametrize("version", _VERSIONS)
async def test_every_service_is_listed(running: RunningEdge, version: str) -> None:
    """In both versions, each request answered with itself."""
    request = pb.ServerReflectionRequest(host="shop", list_services="*")
    (answer,) = await _ask(running, version, request)
    assert [each.name for each in answer.list_services_response.service] == sorted(_SHOWN)
    assert (answer.valid_host, answer.original_request) == ("shop", request)


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("service", _SHOWN)
async def test_every_service_can_be_described(
    running: RunningEdge, version: str, service: str
) -> None:
    """Its file comes first, and with all that it imports it makes a whole."""
    files = await _files(
        running, pb.ServerReflectionRequest(file_containing_symbol=service), version
    )
    package, _, name = service.rpartition(".")
    assert files[0].package == package
    assert name in {each.name for each in files[0].service}

    pool = descriptor_pool.DescriptorPool()
    for file in reversed(files):
        pool.Add(file)
    described = pool.FindServiceByName(service)
    assert all(method.input_type.full_name for method in described.methods)


@pytest.mark.parametrize(
    "symbol",
    [
        "paygate.v1.PaymentService",
        "paygate.v1.PaymentService.CreatePayment",
        "paygate.v1.Payment",
        "paygate.v1.Payment.captured",
        "paygate.v1.NextAction.Confirm",
        "paygate.v1.NextAction.action",
        "paygate.v1.PaymentState",
        "paygate.v1.PAYMENT_STATE_CAPTURED",
    ],
)
async def test_every_kind_of_symbol_is_found(running: RunningEdge, symbol: str) -> None:
    """Services, methods, messages, fields, nested messages, oneofs, enums and their values."""
    files = await _files(running, pb.ServerReflectionRequest(file_containing_symbol=symbol))
    assert files[0].name == "paygate/v1/payment_service.proto"


async def test_descriptors_carry_the_comments(running: RunningEdge) -> None:
    """Every comment of every file of the contract: `grpcurl describe` is a manual."""
    for proto in sorted(_PROTOS.rglob("*.proto")):
        name = str(proto.relative_to(_PROTOS))
        (file, *_) = await _files(running, pb.ServerReflectionRequest(file_by_filename=name))
        told = " ".join(
            " ".join((*location.leading_detached_comments, location.leading_comments))
            for location in file.source_code_info.location
        ).split()
        written = " ".join(re.findall(r"^\s*//(.*)$", proto.read_text(), re.MULTILINE)).split()
        assert sorted(told) == sorted(written), name


async def test_one_stream_answers_many_requests(running: RunningEdge) -> None:
    """What is unknown is answered as such, and the stream goes on."""
    extension = pb.ExtensionRequest(containing_type="paygate.v1.Payment", extension_number=100)
    answers = await _ask(
        running,
        _VERSIONS[0],
        pb.ServerReflectionRequest(file_by_filename="nowhere.proto"),
        pb.ServerReflectionRequest(file_containing_symbol="paygate.v1.Nothing"),
        pb.ServerReflectionRequest(file_containing_extension=extension),
        pb.ServerReflectionRequest(all_extension_numbers_of_type="paygate.v1.Nothing"),
        pb.ServerReflectionRequest(),
        pb.ServerReflectionRequest(all_extension_numbers_of_type="paygate.v1.Payment"),
    )
    not_found, invalid = (
        grpc.StatusCode.NOT_FOUND.value[0],
        grpc.StatusCode.INVALID_ARGUMENT.value[0],
    )
    codes = [answer.error_response.error_code for answer in answers]
    assert codes == [not_found, not_found, not_found, not_found, invalid, 0]
    numbers = answers[-1].all_extension_numbers_response
    assert (numbers.base_type_name, list(numbers.extension_number)) == ("paygate.v1.Payment", [])


async def test_reflection_can_be_switched_off() -> None:
    """Then there is no such service."""
    async with running_edge(reflection=False) as running:
        for version in _VERSIONS:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await _ask(running, version, pb.ServerReflectionRequest(list_services="*"))
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_channelz_is_listed_where_it_is_served() -> None:
    """And can be described."""
    async with running_edge(channelz=True) as running:
        request = pb.ServerReflectionRequest(file_containing_symbol="grpc.channelz.v1.Channelz")
        assert (await _files(running, request))[0].package == "grpc.channelz.v1"
