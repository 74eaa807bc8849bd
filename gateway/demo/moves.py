"""The demo's country that moves: the legacy PSP, a canary, one alias list, and what stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.demo.acting import TOTAL, create, creation, ensure
from gateway.demo.stage import Stage
from gateway.demo.telling import Telling, expect
from gateway.domain.aliases import parse_alias_id
from gateway.routing.reload import Reloaded
from legacy_bridge.port import LegacyAlias
from paygate.v1.alias_service_pb2 import ListAliasesRequest, ListAliasesResponse
from paygate.v1.order_service_pb2 import (
    ORDER_STATE_DRAFT,
    ORDER_STATE_RELEASED,
    GetOrderRequest,
)
from paygate.v1.payment_service_pb2 import (
    PAYMENT_METHOD_CARD,
    PAYMENT_STATE_CAPTURED,
    PAYMENT_STATE_PROCESSING,
)
from paygate.v1.routing_service_pb2 import ExplainRouteRequest

_OGONE_CARD: Final = "4111111111111111"
_OLD_CARD: Final = "claires-card"
_MAPPING_HEADER: Final = (
    "old_customer_id,customer_id,old_card_id,card_id,card_fingerprint,card_last4,"
    "card_exp_month,card_exp_year,card_brand"
)
_EVENING_S: Final = 3601.0
"""So long Ogone's sandbox takes to carry out what it accepted."""
_BELGIUM_AT_OGONE: Final = '[[countries.BE.methods]]\nmethod = "card"\naccount = "ogone_be"'
_BELGIUM_AT_STRIPE: Final = _BELGIUM_AT_OGONE.replace("ogone_be", "stripe_eu")


async def pay_at_the_legacy_psp(stage: Stage, telling: Telling) -> None:
    """A country that has not moved: the shopper pays on Ogone's own page."""
    await stage.store_draft("order-belgium", TOTAL, "BE")
    request = creation("order-belgium", country_code="BE", return_url="https://shop.example/back")
    created = await create(stage, telling, request)
    form = created.next_action.post_form
    landing = await stage.ogone.pay(dict(form.fields), _OGONE_CARD, url=form.url)
    telling.say("the shopper pays on Ogone's page, and comes back", {"to": landing.url[:46] + "…"})
    await stage.payment_in(created.payment.id, PAYMENT_STATE_PROCESSING)
    telling.say("the notification came; the capture waits for Ogone's evening run")
    order = (await stage.client.get_order(GetOrderRequest(order_id="order-belgium"))).order
    expect(order.state == ORDER_STATE_DRAFT, "nothing is shipped before the money is taken")
    stage.ogone.advance_clock(_EVENING_S)
    await stage.order_in("order-belgium", ORDER_STATE_RELEASED)
    payment = await stage.payment_in(created.payment.id, PAYMENT_STATE_CAPTURED)
    telling.say("Ogone took the money", {"account": payment.psp_account, "order": "RELEASED"})
    expect(payment.psp_account == "ogone_be", "the payment is pinned to the legacy account")


async def split_a_country(stage: Stage, telling: Telling) -> None:
    """A country on its way: a part of its shoppers, always the same ones, is served by Stripe."""
    shoppers = [f"shopper-{number}" for number in range(1000)]
    at_30 = await _served_by_stripe(stage, shoppers)
    telling.say("Portugal at 30 %", {"stripe_eu": len(at_30), "ogone_be": 1000 - len(at_30)})
    again = await _served_by_stripe(stage, shoppers)
    expect(at_30 == again, "asked again, every shopper meets the same PSP")
    text = stage.config_file.read_text(encoding="utf-8")
    stage.config_file.write_text(text.replace("percent = 30", "percent = 50"), encoding="utf-8")
    expect(await stage.gateway.reloader.reload() is Reloaded.APPLIED, "the file is read anew")
    at_50 = await _served_by_stripe(stage, shoppers)
    telling.say(
        "the file says 50 %, without a restart",
        {"stripe_eu": len(at_50), "moved back": len(at_30 - at_50)},
    )
    expect(at_30 < at_50, "raising the percentage only adds shoppers: nobody flips")


async def finish_what_moved(stage: Stage, telling: Telling) -> None:
    """A payment made at the old PSP stays there when its country moves."""
    await stage.store_draft("order-moved", TOTAL, "BE")
    request = creation("order-moved", country_code="BE", return_url="https://shop.example/back")
    created = await create(stage, telling, request)
    text = stage.config_file.read_text(encoding="utf-8")
    moved = text.replace(_BELGIUM_AT_OGONE, _BELGIUM_AT_STRIPE)
    stage.config_file.write_text(moved, encoding="utf-8")
    expect(await stage.gateway.reloader.reload() is Reloaded.APPLIED, "Belgium moves to Stripe")
    route = await stage.client.explain_route(
        ExplainRouteRequest(country_code="BE", method=PAYMENT_METHOD_CARD)
    )
    telling.say("new payments in Belgium go to", {"account": route.psp_account})
    expect(route.psp_account == "stripe_eu", "new payments go to Stripe")
    form = created.next_action.post_form
    await stage.ogone.pay(dict(form.fields), _OGONE_CARD, url=form.url)
    await stage.payment_in(created.payment.id, PAYMENT_STATE_PROCESSING)
    stage.ogone.advance_clock(_EVENING_S)
    await stage.order_in("order-moved", ORDER_STATE_RELEASED)
    payment = await stage.payment_in(created.payment.id, PAYMENT_STATE_CAPTURED)
    telling.say("the old payment was captured at", {"account": payment.psp_account})
    expect(payment.psp_account == "ogone_be", "it was seen through where it was created")


async def one_alias_list(stage: Stage, telling: Telling) -> None:
    """Saved cards of both PSPs in one list; a card that moved is one card, and not two."""
    link = await ensure(stage, telling)
    await stage.store_draft("order-saved", TOTAL)
    request = creation("order-saved", customer_id="shopper-1", save_alias=True)
    created = await create(stage, telling, request)
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    await stage.order_in("order-saved", ORDER_STATE_RELEASED)
    await stage.back_office.save_alias(
        LegacyAlias(_OLD_CARD, "shopper-1", "ogone_be", "visa", "4242", 12, 2034, "card"),
        key="saved by the legacy shop",
    )
    both = await _saved(stage, telling, "her saved cards, from two sources")
    expect({alias.psp_account for alias in both.aliases} == {"stripe_eu", "ogone_be"}, "two")

    async with stage.back_office_without_aliases():
        one = await _saved(stage, telling, "the same with the back office down")
    expect([alias.psp_account for alias in one.aliases] == ["stripe_eu"], "the rest is there")
    expect([each.source for each in one.unavailable_sources] == ["back_office"], "and it is named")

    (stripe,) = one.aliases
    card = parse_alias_id(stripe.id).psp_alias
    expiry = f"{stripe.expiry_month},{stripe.expiry_year}"
    line = f"shopper-1,{link.psp_customer},{_OLD_CARD},{card},fp_1,4242,{expiry},visa"
    mapping = f"{_MAPPING_HEADER}\n{line}\n".encode()
    moved = await stage.client.import_aliases([mapping], psp_account="stripe_eu")
    telling.say("the mapping file of the card import", {"moved": moved.moved})
    after = await _saved(stage, telling, "her saved cards")
    expect((moved.moved, moved.refused) == (1, 0), "the card is moved")
    expect([alias.psp_account for alias in after.aliases] == ["stripe_eu"], "one card, not two")


async def _saved(stage: Stage, telling: Telling, what: str) -> ListAliasesResponse:
    answer = await stage.client.list_aliases(ListAliasesRequest(customer_id="shopper-1"))
    shown = [f"{alias.brand} {alias.last4} at {alias.psp_account}" for alias in answer.aliases]
    silent = [each.source for each in answer.unavailable_sources]
    telling.say(what, {"aliases": ", ".join(shown), "silent": ", ".join(silent) or "nobody"})
    return answer


async def _served_by_stripe(stage: Stage, shoppers: Sequence[str]) -> set[str]:
    served = set()
    for shopper in shoppers:
        request = ExplainRouteRequest(
            country_code="PT", method=PAYMENT_METHOD_CARD, customer_id=shopper
        )
        if (await stage.client.explain_route(request)).psp_account == "stripe_eu":
            served.add(shopper)
    return served
