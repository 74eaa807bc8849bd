"""Saving and charging cards at Ogone's sandbox, through the whole gateway."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.client import PreconditionError
from gateway.demo.stage import PATIENCE_S, Stage, open_stage
from gateway.domain.aliases import AliasReference, alias_id
from gateway.routing.configuration import load_configuration
from legacy_bridge.port import LegacyAlias
from paygate.v1 import money_pb2
from paygate.v1.alias_service_pb2 import StartAliasSetupRequest
from paygate.v1.payment_service_pb2 import (
    PAYMENT_METHOD_CARD,
    CreatePaymentRequest,
    NextAction,
)
from psp.money import Money
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.signing import SIGNATURE, sign

_ACCOUNT = "ogone_be"
_SHOPPER = "shopper-1"
_BACK = "https://shop.example/cards"
_VISA, _DECLINED, _THREE_D_SECURE = "4111111111111111", "4000000000009995", "4000000000000002"
_EVENING_S = 86_400.0


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Return a gateway whose Belgium is at Ogone."""
    async with open_stage(tmp_path) as opened:
        yield opened


async def _start(stage: Stage, request_id: str = "") -> NextAction:
    request = StartAliasSetupRequest(
        request_id=request_id or str(uuid.uuid4()),
        customer_id=_SHOPPER,
        country_code="BE",
        method=PAYMENT_METHOD_CARD,
        return_url=_BACK,
    )
    answer = await stage.client.start_alias_setup(request)
    assert answer.psp_account == _ACCOUNT
    return answer.next_action


async def _give_card(stage: Stage, action: NextAction, card: str) -> None:
    form = action.post_form
    landing = await stage.ogone.pay(dict(form.fields), card, url=form.url)
    assert landing.url.startswith(_BACK)


def _order(stage: Stage, order_id: str) -> Mapping[str, Any]:
    """Return an order as Ogone's own books have it."""
    books: list[Any] = list(stage.ogone.books())
    (order,) = [
        each for account in books for each in account["payments"] if each["order_id"] == order_id
    ]
    found: Mapping[str, Any] = order
    return found


def creation(order_id: str, **changes: Any) -> CreatePaymentRequest:
    """Ask to pay an order of 19.99 EUR by card in Belgium."""
    return CreatePaymentRequest(
        request_id=str(uuid.uuid4()),
        order_id=order_id,
        customer_id=_SHOPPER,
        country_code="BE",
        method=PAYMENT_METHOD_CARD,
        amount=money_pb2.Money(amount_minor=1999, currency_code="EUR"),
        **changes,
    )


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Look again until it is so; raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.05)


async def _saved(stage: Stage) -> LegacyAlias:
    """Return her one alias in the back office, once it is there."""

    async def is_there() -> bool:
        return bool(await stage.back_office.list_aliases(_SHOPPER))

    await _until(is_there)
    (only,) = await stage.back_office.list_aliases(_SHOPPER)
    return only


async def _until_over(stage: Stage, request_id: str) -> None:
    """Wait until a replay has nothing left to do."""

    async def is_over() -> bool:
        return (await _start(stage, request_id)).WhichOneof("action") is None

    await _until(is_over)


async def _until_status(stage: Stage, order_id: str, status: int) -> None:
    async def is_in() -> bool:
        return bool(_order(stage, order_id)["status"] == status)

    await _until(is_in)


async def test_the_form_is_signed_and_names_no_card(stage: Stage) -> None:
    """An authorisation of one euro under a name of ours, for Ogone's page."""
    form = (await _start(stage)).post_form

    fields = dict(form.fields)
    signature = fields.pop(SIGNATURE)
    config = load_configuration(stage.config_file).accounts[_ACCOUNT]
    assert isinstance(config, OgoneAccountConfig)
    passphrase = config.sha_in_ecommerce.get_secret_value()
    assert signature == sign(fields, passphrase, config.algorithm)
    assert form.url.endswith("/orderstandard_utf8.asp")
    assert (fields["AMOUNT"], fields["CURRENCY"], fields["OPERATION"]) == ("100", "EUR", "RES")
    assert fields["ALIAS"] == f"als_{fields['ORDERID']}"
    assert len(fields["ALIAS"]) <= 50
    assert fields["ALIASUSAGE"]
    assert fields["ACCEPTURL"] == _BACK
    assert "CARDNO" not in fields


@pytest.mark.parametrize("card", [_VISA, _THREE_D_SECURE])
async def test_a_card_is_saved_on_the_hosted_page(stage: Stage, card: str) -> None:
    """It is in the back office with its brand, digits and expiry; the money is let go."""
    request_id = str(uuid.uuid4())
    action = await _start(stage, request_id)
    assert await _start(stage, request_id) == action
    order_id = action.post_form.fields["ORDERID"]

    await _give_card(stage, action, card)

    saved = await _saved(stage)
    assert saved == LegacyAlias(
        f"als_{order_id}", _SHOPPER, _ACCOUNT, "visa", card[-4:], 12, 2030, "card"
    )
    await _until_status(stage, order_id, 61)
    stage.ogone.advance_clock(_EVENING_S)
    await _until_status(stage, order_id, 6)
    await _until_over(stage, request_id)


async def test_what_was_saved_is_charged(stage: Stage) -> None:
    """Without her being there, as any other alias."""
    await _give_card(stage, await _start(stage), _VISA)
    saved = await _saved(stage)
    await stage.store_draft("order-1", Money(1999, "EUR"), "BE")

    answer = await stage.client.create_payment(
        creation(
            "order-1",
            alias_id=alias_id(AliasReference(_ACCOUNT, saved.alias)),
            off_session=True,
        )
    )

    assert answer.payment.psp_account == _ACCOUNT
    assert answer.payment.authorized.amount_minor == 1999


async def test_a_declined_card_is_not_saved(stage: Stage) -> None:
    """Ogone keeps an alias of it all the same; nobody is offered that."""
    request_id = str(uuid.uuid4())
    await _give_card(stage, await _start(stage, request_id), _DECLINED)

    await _until_over(stage, request_id)
    assert await stage.back_office.list_aliases(_SHOPPER) == ()


async def test_a_card_is_saved_with_a_payment(stage: Stage) -> None:
    """By the notification, once; the payment itself goes its way."""
    await stage.store_draft("order-1", Money(1999, "EUR"), "BE")
    created = await stage.client.create_payment(
        creation("order-1", save_alias=True, return_url=_BACK)
    )
    await _give_card(stage, created.next_action, _VISA)

    saved = await _saved(stage)

    assert saved.alias == f"als_{created.payment.id}"
    assert (saved.brand, saved.last4, saved.expiry_year) == ("visa", "1111", 2030)


async def test_an_expired_card_is_not_charged(stage: Stage) -> None:
    """Nothing is written and nothing is sent; the request may be made anew."""
    saved = LegacyAlias("old-card", _SHOPPER, _ACCOUNT, "visa", "1111", 12, 2020, "card")
    await stage.back_office.save_alias(saved, key="saved")
    await stage.store_draft("order-1", Money(1999, "EUR"), "BE")

    with pytest.raises(PreconditionError) as refused:
        await stage.client.create_payment(
            creation(
                "order-1",
                alias_id=alias_id(AliasReference(_ACCOUNT, saved.alias)),
                off_session=True,
            )
        )

    assert refused.value.reason == "ALIAS_EXPIRED"
    assert all(not account["orders"] for account in stage.ogone.books())
