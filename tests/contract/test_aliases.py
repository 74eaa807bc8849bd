"""AliasService over a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.import_values import ImportOptions
from gateway.aliases.values import AliasQuery
from gateway.domain.aliases import AliasReference
from gateway.domain.requests import RequestKey
from paygate.v1 import alias_service_pb2 as pb
from paygate.v1.alias_service_pb2_grpc import AliasServiceStub
from paygate.v1.payment_service_pb2 import PAYMENT_METHOD_CARD
from psp.port import NextAction, NextActionKind, PaymentMethod
from tests.contract.edge import CLIENT_SECRET, RunningEdge, detail, rich_status
from tests.unit.api.requests import ALIAS_ID, REQUEST_ID

_ALIAS = AliasReference("stripe_eu", "pm_1")
_OPTIONS = pb.ImportAliasesOptions(request_id=REQUEST_ID, psp_account="stripe_eu")

_SETUP = pb.StartAliasSetupRequest(
    request_id=REQUEST_ID,
    customer_id="shopper-1",
    country_code="FR",
    method=PAYMENT_METHOD_CARD,
    return_url="https://shop.example/cards",
)


def _key(rpc: str) -> RequestKey:
    return RequestKey("anonymous", rpc, REQUEST_ID)


async def test_aliases_are_listed(running: RunningEdge) -> None:
    """With what has expired, and with who did not answer."""
    request = pb.ListAliasesRequest(customer_id="shopper-1", country_code="FR")
    answer = await AliasServiceStub(running.channel).ListAliases(request)

    (alias,), (source,) = answer.aliases, answer.unavailable_sources
    assert (alias.id, alias.last4, alias.is_default, alias.expired) == ("als_1", "4242", True, True)
    assert source.source == "back_office"
    assert running.use_cases.aliases.seen == [AliasQuery("shopper-1", "FR")]


async def test_a_setup_is_started(running: RunningEdge) -> None:
    """The page gets its secret."""
    answer = await AliasServiceStub(running.channel).StartAliasSetup(_SETUP)

    assert (answer.psp_account, answer.psp_reference) == ("stripe_eu", "seti_1")
    assert answer.next_action.confirm.client_secret == CLIENT_SECRET
    assert running.use_cases.aliases.seen == [
        StartAliasSetupCommand(
            _key("StartAliasSetup"),
            "shopper-1",
            "FR",
            PaymentMethod.CARD,
            "https://shop.example/cards",
        )
    ]


async def test_a_setup_can_be_a_form(running: RunningEdge) -> None:
    """For a PSP that saves on its own page: where to post, and every field as it was signed."""
    fields = {"PSPID": "shop", "ALIAS": "als_alo_1", "OPERATION": "RES", "SHASIGN": "ABC"}
    running.use_cases.aliases.action = NextAction(
        NextActionKind.POST_FORM, url="https://psp.example/page", fields=fields
    )
    answer = await AliasServiceStub(running.channel).StartAliasSetup(_SETUP)

    form = answer.next_action.post_form
    assert (form.url, dict(form.fields)) == ("https://psp.example/page", fields)


async def test_a_setup_that_is_over_has_nothing_left_to_do(running: RunningEdge) -> None:
    """As a replay finds it."""
    running.use_cases.aliases.action = None
    answer = await AliasServiceStub(running.channel).StartAliasSetup(_SETUP)

    assert not answer.HasField("next_action")


async def test_an_alias_is_made_default_and_deleted(running: RunningEdge) -> None:
    """Each under its own method's name, so that one request_id may serve both."""
    stub = AliasServiceStub(running.channel)
    fields = {"request_id": REQUEST_ID, "customer_id": "shopper-1", "alias_id": ALIAS_ID}

    answer = await stub.SetDefaultAlias(pb.SetDefaultAliasRequest(**fields))
    await stub.DeleteAlias(pb.DeleteAliasRequest(**fields))

    assert answer.alias.is_default
    assert running.use_cases.aliases.seen == [
        ChangeAliasCommand(_key("SetDefaultAlias"), "shopper-1", _ALIAS),
        ChangeAliasCommand(_key("DeleteAlias"), "shopper-1", _ALIAS),
    ]


async def _file(*parts: Any) -> AsyncIterator[pb.ImportAliasesRequest]:
    for part in parts:
        if isinstance(part, bytes):
            yield pb.ImportAliasesRequest(chunk=part)
        elif part is None:
            yield pb.ImportAliasesRequest()
        else:
            yield pb.ImportAliasesRequest(options=part)


async def test_a_file_is_imported(running: RunningEdge) -> None:
    """The pieces arrive as sent, and what became of them is told line by line."""
    call = AliasServiceStub(running.channel).ImportAliases(_file(_OPTIONS, b"one", b"two"))
    answer = await call

    aliases = running.use_cases.aliases
    assert aliases.seen == [ImportOptions(_key("ImportAliases"), "stripe_eu")]
    assert aliases.file == [b"one", b"two"]
    assert (answer.lines, answer.moved, answer.skipped, answer.refused) == (4, 2, 1, 1)
    (refusal,), (count,) = answer.refusals, answer.refusal_counts
    assert refusal.reason == count.reason == pb.IMPORT_REFUSAL_REASON_OTHER_CARD
    assert (refusal.line_number, refusal.message, count.lines) == (3, "words", 1)


@pytest.mark.parametrize(
    "parts,fields",
    [
        pytest.param((), ["options"], id="nothing"),
        pytest.param((b"one",), ["options"], id="a file without options"),
        pytest.param(
            (pb.ImportAliasesOptions(legacy_account="?"),),
            ["options.request_id", "options.psp_account", "options.legacy_account"],
            id="options that are none",
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
        await AliasServiceStub(running.channel).ImportAliases(_file(*parts))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = detail(rich_status(caught.value), BadRequest).field_violations
    assert [each.field for each in violations] == fields


async def test_bytes_that_are_no_message_end_the_stream(running: RunningEdge) -> None:
    """As the caller's mistake, with details."""

    async def broken() -> AsyncIterator[bytes]:
        yield pb.ImportAliasesRequest(options=_OPTIONS).SerializeToString()
        yield b"\xff\xff\xff"

    method: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = running.channel.stream_unary(
        "/paygate.v1.AliasService/ImportAliases"
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(broken())

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail(rich_status(caught.value), ErrorInfo).reason == "INVALID_FIELDS"


@pytest.mark.parametrize(
    "rpc,fields",
    [
        ("ListAliases", ["customer_id"]),
        ("StartAliasSetup", ["request_id", "customer_id", "country_code", "method"]),
        ("SetDefaultAlias", ["request_id", "customer_id", "alias_id"]),
        ("DeleteAlias", ["request_id", "customer_id", "alias_id"]),
    ],
)
async def test_every_violation_arrives_at_once(
    running: RunningEdge, rpc: str, fields: list[str]
) -> None:
    """An empty request is refused with all that it lacks, and nobody is called."""
    stub: Any = AliasServiceStub(running.channel)
    request = getattr(pb, f"{rpc}Request")()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(stub, rpc)(request)

    violations = detail(rich_status(caught.value), BadRequest).field_violations
    assert [each.field for each in violations] == fields
    assert running.use_cases.aliases.seen == []
