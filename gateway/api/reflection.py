"""gRPC server reflection, v1 and v1alpha, with the contract's comments.

The library's servicer speaks v1alpha only and from modules that have lost their comments. Both
versions have the same messages on the wire: gRPC, server reflection protocol.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from gateway.api.call import Context
from gateway.api.descriptors import DescriptorIndex

SERVICE_V1: Final = "grpc.reflection.v1.ServerReflection"
SERVICE_V1ALPHA: Final = "grpc.reflection.v1alpha.ServerReflection"


class ReflectionServicer:
    """Answers what the server's services are and what their files say."""

    def __init__(self, services: Sequence[str], index: DescriptorIndex) -> None:
        self._services = sorted(services)
        self._index = index
        self._answers: Mapping[str, Callable[[Any], pb.ServerReflectionResponse]] = {
            "file_by_filename": lambda name: _files(index.named(name)),
            "file_containing_symbol": lambda symbol: _files(index.containing(symbol)),
            "file_containing_extension": lambda asked: _files(
                index.extending(asked.containing_type, asked.extension_number)
            ),
            "all_extension_numbers_of_type": self._extension_numbers,
            "list_services": self._list_services,
        }

    async def ServerReflectionInfo(
        self, requests: AsyncIterator[pb.ServerReflectionRequest], context: Context
    ) -> AsyncIterator[pb.ServerReflectionResponse]:
        """Answer each request in its turn."""
        async for request in requests:
            answer = self.answer(request)
            answer.valid_host = request.host
            answer.original_request.CopyFrom(request)
            yield answer

    def answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        """Answer one request; what is unknown is an answer too."""
        asked = request.WhichOneof("message_request")
        if asked is None:
            return _error(grpc.StatusCode.INVALID_ARGUMENT, "ask for something")
        try:
            return self._answers[asked](getattr(request, asked))
        except KeyError:
            return _error(grpc.StatusCode.NOT_FOUND, "no such file, symbol or extension")

    def _extension_numbers(self, message: str) -> pb.ServerReflectionResponse:
        return pb.ServerReflectionResponse(
            all_extension_numbers_response=pb.ExtensionNumberResponse(
                base_type_name=message, extension_number=self._index.extension_numbers(message)
            )
        )

    def _list_services(self, _request: str) -> pb.ServerReflectionResponse:
        return pb.ServerReflectionResponse(
            list_services_response=pb.ListServiceResponse(
                service=[pb.ServiceResponse(name=name) for name in self._services]
            )
        )


def add_reflection(server: grpc.aio.Server, servicer: ReflectionServicer) -> None:
    """Serve both versions."""
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=pb.ServerReflectionRequest.FromString,
        response_serializer=pb.ServerReflectionResponse.SerializeToString,
    )
    for service in (SERVICE_V1, SERVICE_V1ALPHA):
        handler = grpc.method_handlers_generic_handler(service, {"ServerReflectionInfo": method})
        server.add_generic_rpc_handlers([handler])


def _files(protos: Sequence[FileDescriptorProto]) -> pb.ServerReflectionResponse:
    return pb.ServerReflectionResponse(
        file_descriptor_response=pb.FileDescriptorResponse(
            file_descriptor_proto=[proto.SerializeToString() for proto in protos]
        )
    )


def _error(code: grpc.StatusCode, message: str) -> pb.ServerReflectionResponse:
    number, _ = code.value
    return pb.ServerReflectionResponse(
        error_response=pb.ErrorResponse(error_code=number, error_message=message)
    )
