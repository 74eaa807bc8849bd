"""No secret and no card number in a log, a row or an event."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import grpc
import pytest
import structlog

from gateway.client import new_request_id
from gateway.demo.stage import Stage, open_stage, stage_settings
from gateway.demo.steps import STEPS
from gateway.demo.telling import Telling
from gateway.logs import configure_logging
from gateway.routing.configuration import load_configuration
from gateway.storage.outbox import outbox_depth
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.customer_service_pb2 import CustomerProfile, EnsureCustomerRequest
from paygate.v1.money_pb2 import Money as MoneyMessage
from psp.money import Money
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.signing import SIGNATURE, SIGNED_IN_FEEDBACK, sign
from psp.stripe.config import StripeAccountConfig
from tests.contract.edge import running_edge
from tests.e2e.poisoning import CARD, METHODS, POISONS, SECRETS, Poisoned, poisoned_calls
from tests.integration.kafka.playing import EAGER, Cluster, eventually
from tests.support.kafka import running_broker
from tests.support.watching import watched_spans
from tests.unit.psp.stripe.support import payment_intent

_SECRETS = ("_secret_", "sk_test_", "whsec_", "4242424242424242", "4000002500003155")
"""What client secrets, keys, webhook secrets and the sandbox's card numbers hold."""


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Return all that is logged, at the chattiest level there is."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("json", "debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_the_whole_demo_leaves_no_secret_behind(tmp_path: Path, logged: io.StringIO) -> None:
    """Every step is played, with 3-D Secure, declines and faults; nothing secret is kept."""
    telling = Telling(None)
    async with open_stage(tmp_path) as stage:
        for number, step in enumerate(STEPS, start=1):
            telling.begin(number, step.title)
            await step.play(stage, telling)

    with closing(sqlite3.connect(tmp_path / "paygate.db")) as connection:
        rows = "\n".join(connection.iterdump())
    lines = logged.getvalue()
    assert "pay_" in rows
    assert "psp_call" in lines
    for place, text in (("database", rows), ("log", lines)):
        found = [secret for secret in _SECRETS if secret in text]
        assert not found, f"{place} holds {found}"


_TIMEOUT_S: Final = 10.0


async def test_what_is_pushed_in_is_not_kept(tmp_path: Path, logged: io.StringIO) -> None:
    """Through every RPC and both PSPs' webhooks: no log, row, answer, span or message holds it."""
    with running_broker() as broker, watched_spans() as spans:
        cluster = Cluster(broker.address)
        settings = stage_settings(tmp_path).model_copy(
            update={
                "delivery": "kafka",
                "kafka_bootstrap_servers": broker.address,
                "kafka_topic_prefix": cluster.topics.prefix,
                "kafka_options": json.dumps(EAGER),
                "caller_rate_per_s": 1_000_000.0,
            }
        )
        async with open_stage(tmp_path, settings) as stage:
            payment = await _paid_for(stage)
            async with grpc.aio.insecure_channel(stage.gateway.grpc_address) as channel:
                calls = poisoned_calls({"payment_id": payment.id})
                answers = [await _answer(channel, call) for call in calls]
            answers += [answer async for answer in _webhooks(stage, payment)]
            database = stage.gateway.application.doors.database

            async def all_published() -> bool:
                return await outbox_depth(database) == 0

            await eventually(all_published)
            messages = [
                repr(message) for name in _topics(cluster) for message in cluster.read(name)
            ]
    _expect_clean(
        {
            "an answer": "\n".join(answers),
            "the log": logged.getvalue(),
            "the database": _dump(tmp_path / "paygate.db"),
            "the back office": _dump(tmp_path / "back_office.db"),
            "a message": "\n".join(messages),
            "a span": "\n".join(span.to_json() for span in spans.all()),
        }
    )
    assert payment.id in "\n".join(messages)
    assert spans.named("webhook")
    assert len(answers) > len(METHODS)


@pytest.mark.parametrize("poison", [CARD, *SECRETS, f"https://api:{SECRETS[0]}@psp.example"])
async def test_a_fault_does_not_tell_what_it_was_about(poison: str, logged: io.StringIO) -> None:
    """What nobody foresaw is logged with its traceback, and without what is secret in it."""

    async def behave() -> None:
        try:
            raise KeyError(poison)
        except KeyError as error:
            message = f"no luck with {poison}"
            raise RuntimeError(message) from error

    async with running_edge() as running:
        running.payments.behave = behave
        path = "paygate.v1.PaymentService/CancelPayment"
        request = pb.CancelPaymentRequest(request_id=new_request_id(), payment_id=f"pay_{'0' * 26}")
        answer = await _answer(running.channel, Poisoned(path, "", [request.SerializeToString()]))

    assert "INTERNAL" in answer
    assert "no luck with" in logged.getvalue()
    _expect_clean({"the answer": answer, "the log": logged.getvalue()})


def _expect_clean(places: dict[str, str]) -> None:
    found = [
        (place, poison) for place, text in places.items() for poison in POISONS if poison in text
    ]
    assert not found


def _dump(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(connection.iterdump())


def _topics(cluster: Cluster) -> list[str]:
    topics = cluster.topics
    return [topics.psp_events, topics.payments, topics.orders]


async def _paid_for(stage: Stage) -> pb.Payment:
    await stage.store_draft("order-1", Money(1999, "EUR"))
    profile = CustomerProfile(email="ada@example.com")
    await stage.client.ensure_customer(
        EnsureCustomerRequest(customer_id="shopper-1", country_code="FR", profile=profile)
    )
    created = await stage.client.create_payment(
        pb.CreatePaymentRequest(
            order_id="order-1",
            country_code="FR",
            method=pb.PAYMENT_METHOD_CARD,
            amount=MoneyMessage(amount_minor=1999, currency_code="EUR"),
        )
    )
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    return await stage.payment_in(created.payment.id, pb.PAYMENT_STATE_CAPTURED)


async def _answer(channel: grpc.aio.Channel, call: Poisoned) -> str:
    """Call, and return all that the caller gets to see."""
    method = METHODS[call.path]
    streams = (method.client_streaming, method.server_streaming)
    kind = "_".join("stream" if each else "unary" for each in streams)
    stub: Any = getattr(channel, kind)(f"/{call.path}")
    request = iter(call.messages) if method.client_streaming else call.messages[0]
    try:
        # A watch of a payment that is there does not end by itself.
        running = stub(request, timeout=0.3 if "Watch" in call.path else _TIMEOUT_S)
        answer = [each async for each in running] if method.server_streaming else await running
    except grpc.aio.AioRpcError as error:
        answer = (error.code(), error.details(), error.trailing_metadata())
    return f"{call.path} {call.field}: {answer}"


async def _webhooks(stage: Stage, payment: pb.Payment) -> AsyncIterator[str]:
    """Send both PSPs' webhooks with what must not be kept; yield what is answered."""
    accounts = load_configuration(stage.config_file).accounts
    stripe, ogone = accounts["stripe_eu"], accounts["ogone_be"]
    assert isinstance(stripe, StripeAccountConfig)
    assert isinstance(ogone, OgoneAccountConfig)
    async with aiohttp.ClientSession(stage.gateway.http_address) as http:
        for poison in (CARD, "4000 0566 5566 5556", *SECRETS):
            for headers, body in _stripe_bodies(stripe, payment, poison):
                async with http.post("/webhooks/stripe_eu", data=body, headers=headers) as answer:
                    yield await answer.text()
            for form in _ogone_bodies(ogone, poison):
                async with http.post("/webhooks/ogone_be", data=form) as answer:
                    yield await answer.text()
            async with http.post(f"/webhooks/{poison}", data=poison) as answer:
                yield await answer.text()


def _stripe_bodies(
    account: StripeAccountConfig, payment: pb.Payment, poison: str
) -> Iterator[tuple[dict[str, str], bytes]]:
    intent = payment_intent(id=payment.psp_reference, description=poison, client_secret=poison)
    intent["metadata"] = {"paygate_payment_id": payment.id, "note": poison}
    intent["last_payment_error"] = {"message": poison, "code": poison, "decline_code": poison}
    event: dict[str, Any] = {
        "id": f"evt_{hashlib.sha256(poison.encode()).hexdigest()[:8]}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "request": {"idempotency_key": poison},
        "data": {"object": intent},
    }
    body, now_s = json.dumps(event).encode(), int(time.time())
    secret = account.webhook_secrets[0].get_secret_value().encode()
    signature = hmac.new(secret, b"%d." % now_s + body, hashlib.sha256).hexdigest()
    yield {"Stripe-Signature": f"t={now_s},v1={signature}"}, body
    yield {"Stripe-Signature": f"t={now_s},v1={poison}", "Authorization": f"Bearer {poison}"}, body
    yield {"Stripe-Signature": poison}, poison.encode()


def _ogone_bodies(account: OgoneAccountConfig, poison: str) -> Iterator[str]:
    fields = {
        "orderID": f"pay_{'0' * 26}",
        "STATUS": "5",
        "PAYID": "3014644340",
        "amount": "12.34",
        "currency": "EUR",
        "CARDNO": poison,
        "CN": poison,
        "NCERRORPLUS": poison,
        "COMPLUS": poison,
        "BRAND": poison,
        "ALIAS": poison,
    }
    signed = {name: value for name, value in fields.items() if name.upper() in SIGNED_IN_FEEDBACK}
    signature = sign(signed, account.sha_out[0].get_secret_value(), account.algorithm)
    yield urlencode({**fields, SIGNATURE: signature})
    yield urlencode({**fields, SIGNATURE: poison})
