"""ListAliases, over each database."""

from __future__ import annotations

import pytest

from gateway.aliases.values import AliasList, AliasQuery
from gateway.domain.aliases import AliasLink, AliasReference
from gateway.errors import PaygateError, Reason
from gateway.storage.aliases import insert_alias_links, put_default
from tests.support.payments import NOW
from tests.support.shop import CARDS, OLD, PAYPAL, PLAIN, SHOPPER, Shop

_SHOPPER = SHOPPER.customer_id


def _names(listed: AliasList) -> list[str]:
    return [f"{each.psp_account}/{each.alias.psp_alias}" for each in listed.aliases]


async def _list(shop: Shop, country_code: str = "") -> AliasList:
    return await shop.open_aliases().list(AliasQuery(_SHOPPER, country_code))


async def test_a_shopper_has_one_list(shop: Shop) -> None:
    """Of all that she saved, at a retired account too; expired cards are in it, and say so."""
    shop.cards.add_alias("cus_cards_1", "pm_1", expiry_year=2020)
    shop.wallets.add_alias("cus_wallets_1", "pm_2", method=PAYPAL)
    shop.office.add("A-1")
    shop.office.add("A-2", customer_id="shopper-2")
    shop.psps[OLD].capabilities = shop.psps[PLAIN].capabilities  # its aliases are kept for it
    shop.office.add("A-3", psp_account=OLD)

    listed = await _list(shop)

    assert _names(listed) == ["cards/pm_1", "wallets/pm_2", "plain/A-1", "old/A-3"]
    assert [each.has_expired for each in listed.aliases] == [True, False, False, False]


async def test_a_country_narrows_the_list(shop: Shop) -> None:
    """To what can be charged there: Portugal takes no PayPal."""
    shop.wallets.add_alias("cus_wallets_1", "pm_2", method=PAYPAL)
    shop.office.add("A-1")

    assert _names(await _list(shop, "PT")) == ["plain/A-1"]
    with pytest.raises(PaygateError) as refused:
        await _list(shop, "US")
    assert refused.value.reason is Reason.COUNTRY_NOT_SERVED


async def test_a_moved_card_and_her_choice_are_remembered(shop: Shop) -> None:
    """Both are our own book's word, kept in the database."""
    shop.cards.add_alias("cus_cards_1", "pm_1", is_default=True)
    shop.cards.add_alias("cus_cards_1", "pm_2")
    shop.office.add("A-1")
    shop.office.add("A-2")
    moved = AliasReference(CARDS, "pm_2")
    link = AliasLink(AliasReference(PLAIN, "A-1"), moved, _SHOPPER, "cus_cards_1", "d")
    await shop.database.commit(
        [
            insert_alias_links([link], NOW),
            put_default(_SHOPPER, AliasReference(PLAIN, "A-2"), NOW, replaces=False),
        ]
    )

    listed = await _list(shop)

    assert _names(listed) == ["plain/A-2", "cards/pm_1", "cards/pm_2"]
    assert [each.alias.is_default for each in listed.aliases] == [True, False, False]


async def test_what_the_back_office_says_of_a_psp_with_a_list_is_an_echo(shop: Shop) -> None:
    """The PSP itself is asked about its aliases."""
    shop.office.add("pm_9", psp_account=CARDS)

    assert _names(await _list(shop)) == []
