"""The contract as data with its comments: files by name, by symbol, by extension.

Python's generated modules drop comments, so the contract comes from the descriptor set that
`make gen` writes beside them. The other services' files come from their modules, without comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

_CONTRACT: Final = "descriptors.binpb"
_REFLECTION_V1ALPHA: Final = "grpc.reflection.v1alpha"
_REFLECTION_V1: Final = "grpc.reflection.v1"


class DescriptorIndex:
    """Files of descriptors, and where each symbol stands. Raises `KeyError` for what is unknown."""

    def __init__(self, protos: Iterable[FileDescriptorProto]) -> None:
        self._files = {proto.name: proto for proto in protos}
        self._file_of_symbol = {
            symbol: proto.name for proto in self._files.values() for symbol in _symbols(proto)
        }
        self._messages = {name for proto in self._files.values() for name, _ in _messages_of(proto)}
        self._extensions = {
            (extension.extendee.removeprefix("."), extension.number): proto.name
            for proto in self._files.values()
            for extension in _extensions(proto)
        }

    def named(self, name: str) -> list[FileDescriptorProto]:
        """Return a file and all that it imports, each before what it imports itself."""
        found: dict[str, FileDescriptorProto] = {}
        self._collect(name, found)
        return list(reversed(found.values()))

    def _collect(self, name: str, found: dict[str, FileDescriptorProto]) -> None:
        proto = self._files[name]
        for imported in proto.dependency:
            if imported not in found:
                self._collect(imported, found)
        found[name] = proto

    def containing(self, symbol: str) -> list[FileDescriptorProto]:
        """Return the file that declares a symbol, and its imports."""
        return self.named(self._file_of_symbol[symbol])

    def extending(self, message: str, number: int) -> list[FileDescriptorProto]:
        """Return the file that declares an extension, and its imports."""
        return self.named(self._extensions[message, number])

    def extension_numbers(self, message: str) -> list[int]:
        """Return the numbers of the known extensions of a message."""
        if message not in self._messages:
            raise KeyError(message)
        return sorted(number for extended, number in self._extensions if extended == message)


def contract_files() -> list[FileDescriptorProto]:
    """Return the files of paygate.v1 and their imports, with comments."""
    data = files("paygate.v1").joinpath(_CONTRACT).read_bytes()
    return list(FileDescriptorSet.FromString(data).file)


def module_files(descriptor: FileDescriptor) -> list[FileDescriptorProto]:
    """Return the file of a generated module and its imports."""
    proto = FileDescriptorProto()
    descriptor.CopyToProto(proto)
    imported = [module_files(dependency) for dependency in descriptor.dependencies]
    return [proto, *(each for group in imported for each in group)]


def reflection_v1_file(v1alpha: FileDescriptor) -> FileDescriptorProto:
    """Return grpc.reflection.v1: the same messages as v1alpha's under another package."""
    (alpha,) = module_files(v1alpha)
    proto = FileDescriptorProto()
    proto.CopyFrom(alpha)
    proto.name = "grpc/reflection/v1/reflection.proto"
    proto.package = _REFLECTION_V1
    for field in (field for message in proto.message_type for field in message.field):
        if field.type_name:  # only messages and enums have one
            field.type_name = _as_v1(field.type_name)
    for method in (method for service in proto.service for method in service.method):
        method.input_type = _as_v1(method.input_type)
        method.output_type = _as_v1(method.output_type)
    return proto


def _as_v1(type_name: str) -> str:
    return type_name.replace(f".{_REFLECTION_V1ALPHA}.", f".{_REFLECTION_V1}.")


def _symbols(proto: FileDescriptorProto) -> Iterator[str]:
    """Yield the full name of everything that a file declares."""
    package = f"{proto.package}." if proto.package else ""
    for name, message in _messages_of(proto):
        yield name
        yield from (f"{name}.{field.name}" for field in message.field)
        yield from (f"{name}.{oneof.name}" for oneof in message.oneof_decl)
        yield from _enum_symbols(f"{name}.", message.enum_type)
    yield from _enum_symbols(package, proto.enum_type)
    yield from (f"{package}{extension.name}" for extension in proto.extension)
    for service in proto.service:
        yield f"{package}{service.name}"
        yield from (f"{package}{service.name}.{method.name}" for method in service.method)


def _enum_symbols(scope: str, enums: Iterable[EnumDescriptorProto]) -> Iterator[str]:
    for enum in enums:
        yield f"{scope}{enum.name}"
        # A value's name stands beside its enum's, not below it, as in C++.
        yield from (f"{scope}{value.name}" for value in enum.value)


def _messages_of(proto: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """Yield every message of a file with its full name, nested ones too."""
    package = f"{proto.package}." if proto.package else ""
    waiting = [(f"{package}{message.name}", message) for message in proto.message_type]
    while waiting:
        name, message = waiting.pop()
        yield name, message
        waiting += [(f"{name}.{nested.name}", nested) for nested in message.nested_type]


def _extensions(proto: FileDescriptorProto) -> Iterator[FieldDescriptorProto]:
    yield from proto.extension
    for _, message in _messages_of(proto):
        yield from message.extension
