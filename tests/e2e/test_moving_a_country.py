"""docs/moving-a-country.md, step by step: Belgium moves from Ogone to Stripe while shoppers pay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.acting import TOTAL, creation
from gateway.demo.stage import Stage, open_stage, stage_settings
from gateway.routing.reload import Reloaded
from paygate.v1.customer_service_pb2 import CustomerProfile, EnsureCustomerRequest
from paygate.v1.order_service_pb2 import ORDER_STATE_RELEASED
from paygate.v1.payment_service_pb2 import (
    PAYMENT_METHOD_CARD,
    PAYMENT_STATE_CAPTURED,
    PAYMENT_STATE_PROCESSING,
    CreatePaymentResponse,
    ListPaymentsRequest,
)
from paygate.v1.routing_service_pb2 import ExplainRouteRequest

_OGONE_CARD = "4111111111111111"
_EVENING_S = 3601.0
_BEFORE = '[[countries.BE.methods]]\nmethod = "card"\naccount = "ogone_be"'
_SHOPPERS = tuple(f"shopper-{number}" for number in range(200))
_PAYGATE = Path(sys.executable).parent / "paygate"


@pytest.fixture
async def stage(tmp_path: Path, migrated_url: str) -> AsyncIterator[Stage]:
    """Return both PSPs, a back office and a gateway, on each database."""
    settings = stage_settings(tmp_path).model_copy(update={"database_url": migrated_url})
    async with open_stage(tmp_path, settings) as opened:
        yield opened


async def _write(stage: Stage, before: str, after: str) -> Reloaded:
    """Change the file, and have it read."""
    text = stage.config_file.read_text(encoding="utf-8")
    assert before in text
    stage.config_file.write_text(text.replace(before, after), encoding="utf-8")
    return await stage.gateway.reloader.reload()


async def _canary(stage: Stage, before: str, percent: int) -> str:
    """Set the canary to a percentage; how the table reads then."""
    table = f'{_BEFORE}\ncanary = {{ account = "stripe_eu", percent = {percent} }}'
    assert await _write(stage, before, table) is Reloaded.APPLIED
    return table


async def _account_for(stage: Stage, customer_id: str) -> str:
    request = ExplainRouteRequest(
        country_code="BE", method=PAYMENT_METHOD_CARD, customer_id=customer_id
    )
    return (await stage.client.explain_route(request)).psp_account


async def _moved(stage: Stage) -> set[str]:
    """The shoppers whom Stripe serves now."""
    return {each for each in _SHOPPERS if await _account_for(stage, each) == "stripe_eu"}


async def _begin_at_ogone(stage: Stage, order_id: str) -> CreatePaymentResponse:
    await stage.store_draft(order_id, TOTAL, "BE")
    request = creation(order_id, country_code="BE", return_url="https://shop.example/back")
    created = await stage.client.create_payment(request)
    assert created.payment.psp_account == "ogone_be"
    return created


async def _finish_at_ogone(stage: Stage, order_id: str, created: CreatePaymentResponse) -> None:
    form = created.next_action.post_form
    await stage.ogone.pay(dict(form.fields), _OGONE_CARD, url=form.url)
    await stage.payment_in(created.payment.id, PAYMENT_STATE_PROCESSING)
    stage.ogone.advance_clock(_EVENING_S)
    await stage.order_in(order_id, ORDER_STATE_RELEASED)
    paid = await stage.payment_in(created.payment.id, PAYMENT_STATE_CAPTURED)
    assert paid.psp_account == "ogone_be"


async def test_a_country_moves_step_by_step(stage: Stage) -> None:
    """Nobody flips, what was begun is seen through, and the old account retires at the end."""
    # 1. Before: all at the legacy account, one shopper just begins to pay, and so does another.
    assert await _moved(stage) == set()
    first, second = [await _begin_at_ogone(stage, each) for each in ("order-a", "order-b")]

    # 3. A part of the shoppers. A file that is wrong is told, refused, and changes nothing.
    table = await _canary(stage, _BEFORE, 5)
    at_5 = await _moved(stage)
    wrong = table.replace("percent = 5", "percent = 101")
    assert await _write(stage, table, wrong) is Reloaded.REFUSED
    checked = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        [_PAYGATE, "config", "check", stage.config_file], capture_output=True, check=False
    )
    assert checked.returncode == 2
    assert await _moved(stage) == at_5
    table = await _canary(stage, wrong, 0)
    assert await _moved(stage) == set()

    # 2. Its shoppers are made known, now that there is a canary.
    table = await _canary(stage, table, 5)
    profile = CustomerProfile(email="claire@example.com", name="Claire Martin")
    known = await stage.client.ensure_customer(
        EnsureCustomerRequest(customer_id="shopper-1", country_code="BE", profile=profile)
    )
    assert [link.psp_account for link in known.links if link.psp_customer] == ["stripe_eu"]

    # 5. Raised: the same shoppers, and more.
    served = await _moved(stage)
    assert served == at_5
    for percent in (30, 50, 100):
        table = await _canary(stage, table, percent)
        now = await _moved(stage)
        assert served <= now
        served = now
    assert served == set(_SHOPPERS)

    # 6. The country moves; 4. and what is open at the old account is listed, and ends there.
    moved = _BEFORE.replace("ogone_be", "stripe_eu")
    assert await _write(stage, table, moved) is Reloaded.APPLIED
    listed = await stage.client.list_payments(ListPaymentsRequest(psp_account="ogone_be"))
    assert {each.id for each in listed.payments} == {first.payment.id, second.payment.id}
    await _finish_at_ogone(stage, "order-a", first)

    # 7. No country names the old account any more: it retires, and still sees its payments through.
    portugal = 'account = "ogone_be"\ncanary = { account = "stripe_eu", percent = 30 }'
    assert await _write(stage, portugal, 'account = "stripe_eu"') is Reloaded.APPLIED
    retired = await _write(stage, "[accounts.ogone_be]\n", "[accounts.ogone_be]\nretired = true\n")
    assert retired is Reloaded.APPLIED
    await _finish_at_ogone(stage, "order-b", second)
    await stage.store_draft("order-c", TOTAL, "BE")
    new = await stage.client.create_payment(creation("order-c", country_code="BE"))
    assert new.payment.psp_account == "stripe_eu"
