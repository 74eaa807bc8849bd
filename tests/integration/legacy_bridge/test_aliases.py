"""Aliases of a legacy PSP: one effect a key, one default a shopper."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from legacy_bridge.errors import (
    AliasConflictError,
    BackOfficeUnavailableError,
    KeyReusedError,
)
from legacy_bridge.port import MOST_NAMES, LegacyAlias
from legacy_bridge.sql import SqlBackOffice

_ALIAS = LegacyAlias(
    alias="A-1",
    customer_id="C-1",
    psp_account="ogone_be",
    brand="visa",
    last4="1111",
    expiry_month=12,
    expiry_year=2030,
    method="card",
)


def _alias(alias: str = "A-1", **changes: Any) -> LegacyAlias:
    return replace(_ALIAS, alias=alias, **changes)


async def test_a_saved_alias_is_listed_and_found(back_office: SqlBackOffice) -> None:
    """By its customer and by its name; nobody else's are in the list."""
    saved = await back_office.save_alias(_alias(), key="k1")
    await back_office.save_alias(_alias("A-2", customer_id="C-2"), key="k2")

    assert await back_office.list_aliases("C-1") == (saved,)
    assert await back_office.list_aliases("C-3") == ()
    assert {each.customer_id for each in await back_office.find_aliases(["A-1", "A-2", "?"])} == {
        "C-1",
        "C-2",
    }
    assert await back_office.find_aliases([]) == ()


async def test_one_name_at_two_accounts_is_two_aliases(back_office: SqlBackOffice) -> None:
    """Names are unique in an account only; both are found."""
    await back_office.save_alias(_alias(), key="k1")
    await back_office.save_alias(_alias(psp_account="ogone_nl", customer_id="C-2"), key="k2")

    found = await back_office.find_aliases(["A-1"])

    assert sorted(each.psp_account for each in found) == ["ogone_be", "ogone_nl"]


async def test_the_default_is_one_and_comes_first(back_office: SqlBackOffice) -> None:
    """A new default takes it from the one before; other shoppers keep theirs."""
    await back_office.save_alias(_alias("A-1", is_default=True), key="k1")
    await back_office.save_alias(_alias("B-1", customer_id="C-2", is_default=True), key="k2")
    await back_office.save_alias(_alias("A-2"), key="k3")

    await back_office.save_alias(_alias("A-2", is_default=True), key="k4")

    listed = await back_office.list_aliases("C-1")
    assert [(each.alias, each.is_default) for each in listed] == [("A-2", True), ("A-1", False)]
    assert [each.is_default for each in await back_office.list_aliases("C-2")] == [True]


async def test_a_deleted_alias_is_gone(back_office: SqlBackOffice) -> None:
    """Deleting what is not there is done already; the same name elsewhere stays."""
    await back_office.save_alias(_alias(), key="k1")
    await back_office.save_alias(_alias(psp_account="ogone_nl"), key="k2")

    for key in ("k3", "k4"):
        await back_office.delete_alias("ogone_be", "A-1", key=key)

    assert [each.psp_account for each in await back_office.list_aliases("C-1")] == ["ogone_nl"]


async def test_a_repeated_key_does_nothing(back_office: SqlBackOffice) -> None:
    """A late repeat of a save does not bring back what was deleted meanwhile, nor the reverse."""
    saved = await back_office.save_alias(_alias(), key="k1")
    await back_office.delete_alias("ogone_be", "A-1", key="k2")

    assert await back_office.save_alias(_alias(), key="k1") == saved
    assert await back_office.list_aliases("C-1") == ()
    await back_office.save_alias(_alias(), key="k3")
    await back_office.delete_alias("ogone_be", "A-1", key="k2")
    assert await back_office.list_aliases("C-1") == (saved,)


async def test_a_key_is_for_one_change(back_office: SqlBackOffice) -> None:
    """Another alias, other contents or another action under a used key is refused."""
    await back_office.save_alias(_alias(), key="k1")

    for call in (
        back_office.save_alias(_alias("A-2"), key="k1"),
        back_office.save_alias(_alias(last4="2222"), key="k1"),
        back_office.delete_alias("ogone_be", "A-1", key="k1"),
    ):
        with pytest.raises(KeyReusedError):
            await call

    assert await back_office.list_aliases("C-1") == (_alias(),)


async def test_another_customers_alias_is_not_overwritten(back_office: SqlBackOffice) -> None:
    """The refusal leaves no trace, so that its key may be used again."""
    await back_office.save_alias(_alias(), key="k1")

    with pytest.raises(AliasConflictError):
        await back_office.save_alias(_alias(customer_id="C-2"), key="k2")

    await back_office.save_alias(_alias("A-2"), key="k2")
    assert [each.alias for each in await back_office.list_aliases("C-1")] == ["A-1", "A-2"]


async def test_calls_at_once_with_one_key_act_once(back_office: SqlBackOffice) -> None:
    """Retries that overtake each other meet the same answer."""
    saved = await asyncio.gather(*(back_office.save_alias(_alias(), key="k1") for _ in range(5)))

    assert set(saved) == {_alias()}
    assert await back_office.list_aliases("C-1") == (_alias(),)


async def test_many_are_loaded_at_once(back_office: SqlBackOffice) -> None:
    """All or none: one that is there already stops the load."""
    await back_office.load_aliases(_alias(f"A-{n}") for n in range(2500))
    assert len(await back_office.list_aliases("C-1")) == 2500

    with pytest.raises(BackOfficeUnavailableError):
        await back_office.load_aliases([_alias("B-1"), _alias("A-1")])
    assert await back_office.find_aliases(["B-1"]) == ()


async def test_a_search_is_bounded(back_office: SqlBackOffice) -> None:
    """More names than the port allows are a mistake of the caller."""
    with pytest.raises(ValueError, match="at most"):
        await back_office.find_aliases([str(n) for n in range(MOST_NAMES + 1)])
