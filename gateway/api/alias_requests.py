"""AliasService: requests to what the use cases take."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.import_values import ImportOptions
from gateway.aliases.values import AliasQuery
from gateway.api import texts, values
from gateway.api.call import Call
from gateway.api.enums import METHODS
from gateway.api.fields import RequestReader
from gateway.api.streams import until_closed
from gateway.domain.aliases import AliasReference, parse_alias_id
from gateway.domain.requests import RequestKey
from paygate.v1 import alias_service_pb2 as pb


def read_list(request: pb.ListAliasesRequest) -> AliasQuery:
    """Parse a ListAliasesRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    customer_id = reader.read("customer_id", values.identifier, request.customer_id)
    country_code = reader.read(
        "country_code", values.optional(values.country_code), request.country_code
    )
    reader.finish()
    return AliasQuery(customer_id.value, country_code.value)


def read_setup(request: pb.StartAliasSetupRequest, call: Call) -> StartAliasSetupCommand:
    """Parse a StartAliasSetupRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    customer_id = reader.read("customer_id", values.identifier, request.customer_id)
    country_code = reader.read("country_code", values.country_code, request.country_code)
    method = reader.read("method", METHODS.read, request.method)
    own_ids = (request.customer_id,)
    return_url = reader.read("return_url", texts.return_url(own_ids), request.return_url)
    reader.finish()
    return StartAliasSetupCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        customer_id=customer_id.value,
        country_code=country_code.value,
        method=method.value,
        return_url=return_url.value,
    )


def read_change(
    request: pb.SetDefaultAliasRequest | pb.DeleteAliasRequest, call: Call
) -> ChangeAliasCommand:
    """Parse a change of one alias; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    customer_id = reader.read("customer_id", values.identifier, request.customer_id)
    alias = reader.read("alias_id", _alias, request.alias_id)
    reader.finish()
    key = RequestKey(call.caller, call.rpc, request_id.value)
    return ChangeAliasCommand(key, customer_id.value, alias.value)


async def read_options(
    requests: AsyncIterator[pb.ImportAliasesRequest], call: Call
) -> ImportOptions:
    """Take the options off a stream, whose first message they are; raises `PaygateError`."""
    first = await anext(requests, pb.ImportAliasesRequest())
    reader = RequestReader()
    if not first.HasField("options"):
        reader.refuse("options", "are required as the first message of the stream")
        reader.finish()
    options = first.options
    request_id = reader.read("options.request_id", values.request_id, options.request_id)
    account = reader.read("options.psp_account", values.identifier, options.psp_account)
    legacy = reader.read(
        "options.legacy_account", values.optional(values.identifier), options.legacy_account
    )
    reader.finish()
    call.facts["request_id"] = request_id.value
    key = RequestKey(call.caller, call.rpc, request_id.value)
    return ImportOptions(key, account.value, legacy.value)


async def read_chunks(
    requests: AsyncIterator[pb.ImportAliasesRequest],
) -> AsyncIterator[bytes]:
    """Yield the pieces of the file that follow the options; raises `PaygateError`."""
    async for request in until_closed(requests):
        if not request.HasField("chunk"):
            reader = RequestReader()
            reader.refuse("chunk", "is required in each message after the first")
            reader.finish()
        yield request.chunk


def _alias(text: str) -> AliasReference:
    if not text:
        raise ValueError("is required")
    return parse_alias_id(text)
