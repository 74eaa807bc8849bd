"""AliasService: parse, call, convert."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.api.alias_messages import alias_message, source_messages, summary_message
from gateway.api.alias_requests import (
    read_change,
    read_chunks,
    read_list,
    read_options,
    read_setup,
)
from gateway.api.call import Context, current_call
from gateway.api.payment_messages import next_action_message
from gateway.api.streams import closing
from gateway.api.use_cases import AliasUseCases
from paygate.v1 import alias_service_pb2 as pb
from paygate.v1.alias_service_pb2_grpc import AliasServiceServicer


class AliasServicer(AliasServiceServicer):
    """Serves paygate.v1.AliasService."""

    def __init__(self, aliases: AliasUseCases) -> None:
        self._aliases = aliases

    async def ListAliases(
        self, request: pb.ListAliasesRequest, context: Context
    ) -> pb.ListAliasesResponse:
        """See the contract."""
        listed = await self._aliases.list(read_list(request))
        return pb.ListAliasesResponse(
            aliases=[alias_message(alias) for alias in listed.aliases],
            unavailable_sources=source_messages(listed.unavailable_sources),
        )

    async def StartAliasSetup(
        self, request: pb.StartAliasSetupRequest, context: Context
    ) -> pb.StartAliasSetupResponse:
        """See the contract."""
        call = current_call()
        started = await self._aliases.start_setup(read_setup(request, call), call.remaining_s())
        action = started.next_action
        return pb.StartAliasSetupResponse(
            psp_account=started.psp_account,
            psp_reference=started.psp_reference,
            next_action=None if action is None else next_action_message(action),
        )

    async def SetDefaultAlias(
        self, request: pb.SetDefaultAliasRequest, context: Context
    ) -> pb.SetDefaultAliasResponse:
        """See the contract."""
        call = current_call()
        alias = await self._aliases.set_default(read_change(request, call), call.remaining_s())
        return pb.SetDefaultAliasResponse(alias=alias_message(alias))

    async def DeleteAlias(
        self, request: pb.DeleteAliasRequest, context: Context
    ) -> pb.DeleteAliasResponse:
        """See the contract."""
        call = current_call()
        await self._aliases.delete(read_change(request, call), call.remaining_s())
        return pb.DeleteAliasResponse()

    async def ImportAliases(
        self, request_iterator: AsyncIterator[pb.ImportAliasesRequest], context: Context
    ) -> pb.ImportAliasesResponse:
        """See the contract."""
        requests = aiter(request_iterator)
        options = await read_options(requests, current_call())
        async with closing(read_chunks(requests)) as chunks:
            return summary_message(await self._aliases.import_file(options, chunks))
