"""What checkout may offer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.aliases.values import AliasTimeLimits, UnavailableSource
from gateway.domain.aliases import AliasReference, parse_alias_id
from gateway.errors import PaygateError, Reason
from gateway.proposals.proposal import Proposal, ProposalQuery
from gateway.proposals.service import Proposals
from legacy_bridge.errors import BackOfficeUnavailableError
from psp.errors import UnavailableError
from psp.money import Money
from psp.port import CapturePolicy
from tests.support.shop import CARD, CARDS, OLD, PAYPAL, PLAIN, SHOPPER, TABLE, WALLETS, Shop

_AMOUNT = Money(1999, "EUR")


def _proposals(shop: Shop, **limits: float) -> Proposals:
    aliases = shop.open_aliases(limits=AliasTimeLimits(**limits))
    return Proposals(shop.routing, aliases.listing)


def _query(**changes: Any) -> ProposalQuery:
    return replace(ProposalQuery("FR", _AMOUNT, customer_id=SHOPPER.customer_id), **changes)


def _aliases(proposal: Proposal) -> Sequence[str]:
    return [f"{each.psp_account}/{each.alias.psp_alias}" for each in proposal.aliases]


async def test_methods_are_offered_in_the_countrys_order(shop: Shop) -> None:
    """Each with the account that serves it, and with who captures."""
    proposal = await _proposals(shop).propose(_query())

    offered = [(offer.method, offer.account.name) for offer in proposal.methods]
    assert offered == [(CARD, CARDS), (PAYPAL, WALLETS)]
    assert proposal.capture_policy is CapturePolicy.AT_ORDER
    assert proposal.unavailable_sources == []


async def test_aliases_of_every_account_come_with_the_default_first(shop: Shop) -> None:
    """After it they stay in the order of the accounts, each under an id that names its own."""
    shop.cards.add_alias("cus_cards_1", "pm_1")
    shop.cards.add_alias("cus_cards_1", "pm_2")
    shop.wallets.add_alias("cus_wallets_1", "pm_3", method=PAYPAL, is_default=True)

    proposal = await _proposals(shop).propose(_query())

    assert _aliases(proposal) == ["wallets/pm_3", "cards/pm_1", "cards/pm_2"]
    assert [parse_alias_id(each.id) for each in proposal.aliases] == [
        AliasReference(WALLETS, "pm_3"),
        AliasReference(CARDS, "pm_1"),
        AliasReference(CARDS, "pm_2"),
    ]


async def test_only_what_can_be_charged_for_this_sale_is_shown(shop: Shop) -> None:
    """What the country does not offer, or no account of hers takes for this amount, is left out."""
    shop.cards.add_alias("cus_cards_1", "pm_1", method=CARD)
    shop.cards.add_alias("cus_cards_1", "pm_2", method=PAYPAL)
    shop.serve({"FR": replace(TABLE.countries["DE"], methods=TABLE.countries["DE"].methods[:1])})

    proposal = await _proposals(shop).propose(_query())

    assert _aliases(proposal) == ["cards/pm_2"]


async def test_an_alias_is_shown_wherever_it_is_kept(shop: Shop) -> None:
    """It decides for its own PSP, also where the country sends new shoppers to another."""
    shop.wallets.add_alias("cus_wallets_1", "pm_1", method=CARD)
    shop.office.add("A-1")

    proposal = await _proposals(shop).propose(_query())

    assert _aliases(proposal) == ["wallets/pm_1", "plain/A-1"]
    assert [offer.account.name for offer in proposal.methods] == [CARDS, WALLETS]


async def test_a_retired_account_charges_no_aliases(shop: Shop) -> None:
    """What is kept there is not offered."""
    shop.psps[OLD].capabilities = shop.psps[PLAIN].capabilities
    shop.office.add("A-1", psp_account=OLD)

    assert _aliases(await _proposals(shop).propose(_query())) == []


async def test_an_amount_that_no_method_takes_has_no_methods_and_asks_nobody(shop: Shop) -> None:
    """A proposal may be empty; aliases that cannot be charged are not fetched."""
    proposal = await _proposals(shop).propose(_query(amount=Money(99, "EUR")))

    assert (list(proposal.methods), list(proposal.aliases)) == ([], [])
    assert shop.cards.calls_of("list_aliases") == []


@pytest.mark.parametrize("customer_id", ["", "shopper-2"])
async def test_who_is_not_known_has_no_aliases(shop: Shop, customer_id: str) -> None:
    """For a guest, and for a shopper no PSP was told of, nobody is called."""
    shop.cards.add_alias("cus_cards_1", "pm_1")

    proposal = await _proposals(shop).propose(_query(customer_id=customer_id))

    assert len(proposal.methods) == 2
    assert list(proposal.aliases) == []
    assert shop.cards.calls_of("list_aliases") == []


async def test_an_account_without_aliases_is_not_asked(shop: Shop) -> None:
    """What an adapter does not declare is not called."""
    proposal = await _proposals(shop).propose(_query(country_code="ES"))

    assert [offer.account.name for offer in proposal.methods] == [PLAIN, CARDS]
    assert shop.psps[PLAIN].calls == []


async def test_a_source_that_is_down_is_named(shop: Shop) -> None:
    """The methods and the other source's aliases are as good as ever."""
    shop.cards.fail("list_aliases", UnavailableError(CARDS, "503"))
    shop.wallets.add_alias("cus_wallets_1", "pm_3", method=PAYPAL)

    proposal = await _proposals(shop).propose(_query())

    assert proposal.unavailable_sources == [UnavailableSource(CARDS, "is not available")]
    assert _aliases(proposal) == ["wallets/pm_3"]
    assert len(proposal.methods) == 2


async def test_a_source_that_is_slow_is_named(shop: Shop) -> None:
    """The page does not wait for it longer than the limit."""
    shop.cards.hold("list_aliases")
    shop.wallets.add_alias("cus_wallets_1", "pm_3", method=PAYPAL)

    proposal = await _proposals(shop, psp_s=0.05).propose(_query())

    assert proposal.unavailable_sources == [UnavailableSource(CARDS, "did not answer in time")]
    assert _aliases(proposal) == ["wallets/pm_3"]


@pytest.mark.parametrize(
    "down,reason", [(True, "is not available"), (False, "did not answer in time")]
)
async def test_the_back_office_may_be_away(shop: Shop, down: bool, reason: str) -> None:
    """It is named, has a time limit of its own, and the PSPs' aliases are there."""
    if down:
        shop.office.fail("list_aliases", BackOfficeUnavailableError("list aliases", "down"))
    else:
        shop.office.hold("list_aliases")
    shop.cards.add_alias("cus_cards_1", "pm_1")

    proposal = await _proposals(shop, back_office_s=0.05).propose(_query())

    assert proposal.unavailable_sources == [UnavailableSource("back_office", reason)]
    assert _aliases(proposal) == ["cards/pm_1"]


async def test_a_shopper_who_is_gone_at_the_psp_is_told(shop: Shop) -> None:
    """That her aliases are missing is not hidden."""
    shop.cards.customers.clear()

    proposal = await _proposals(shop).propose(_query())

    assert proposal.unavailable_sources == [UnavailableSource(CARDS, "does not know this customer")]


async def test_sources_are_asked_at_once_and_dropped_with_their_caller(shop: Shop) -> None:
    """All are on their way before any answers; a caller that gives up takes them along."""
    gates = [source.hold("list_aliases") for source in (shop.cards, shop.wallets, shop.office)]
    running = asyncio.create_task(_proposals(shop).propose(_query()))
    for gate in gates:
        await gate.reached()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    "changes,reason,words",
    [
        ({"country_code": "US"}, Reason.COUNTRY_NOT_SERVED, "US is not served"),
        ({"amount": Money(1, "JPY")}, Reason.CURRENCY_NOT_SOLD, "FR does not sell in JPY"),
    ],
)
async def test_a_sale_that_cannot_be_is_refused(
    shop: Shop, changes: dict[str, Any], reason: Reason, words: str
) -> None:
    """The refusal says what does not go, and nobody is called."""
    with pytest.raises(PaygateError, match=words) as refused:
        await _proposals(shop).propose(_query(**changes))

    assert refused.value.reason is reason
    assert shop.cards.calls_of("list_aliases") == []
