"""Charging an alias at a PSP that does not know whose it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.client import NotFoundError
from gateway.demo.acting import creation
from gateway.demo.stage import Stage, open_stage
from gateway.domain.aliases import AliasReference, alias_id
from gateway.routing.configuration import load_configuration
from legacy_bridge.port import LegacyAlias
from paygate.v1.payment_service_pb2 import PAYMENT_STATE_AUTHORIZED, PAYMENT_STATE_PROCESSING
from psp.money import Money
from psp.ogone.config import OgoneAccountConfig

_ACCOUNT = "ogone_be"
_ALIAS = "claires-card"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Return a stage where shopper-1 has a card at Ogone."""
    async with open_stage(tmp_path) as opened:
        config = load_configuration(opened.config_file).accounts[_ACCOUNT]
        assert isinstance(config, OgoneAccountConfig)
        opened.ogone.add_alias(config.pspid, _ALIAS, "4111111111111111")
        saved = LegacyAlias(_ALIAS, "shopper-1", _ACCOUNT, "visa", "1111", 12, 2034, "card")
        await opened.back_office.save_alias(saved, key="saved")
        yield opened


async def test_the_shoppers_own_alias_is_charged(stage: Stage) -> None:
    """Without her being there, at the PSP that keeps it."""
    await stage.store_draft("order-1", Money(1999, "EUR"), "BE")

    answer = await stage.client.create_payment(
        creation(
            "order-1",
            country_code="BE",
            customer_id="shopper-1",
            alias_id=alias_id(AliasReference(_ACCOUNT, _ALIAS)),
            off_session=True,
        )
    )

    assert answer.payment.psp_account == _ACCOUNT
    assert answer.payment.state in {PAYMENT_STATE_AUTHORIZED, PAYMENT_STATE_PROCESSING}


async def test_another_shoppers_alias_is_not_charged(stage: Stage) -> None:
    """Ogone would charge it: the back office says whose it is."""
    with pytest.raises(NotFoundError) as refused:
        await stage.client.create_payment(
            creation(
                "order-1",
                country_code="BE",
                customer_id="shopper-2",
                alias_id=alias_id(AliasReference(_ACCOUNT, _ALIAS)),
                off_session=True,
            )
        )

    assert refused.value.reason == "ALIAS_NOT_FOUND"
    assert all(not account["orders"] for account in stage.ogone.books())
