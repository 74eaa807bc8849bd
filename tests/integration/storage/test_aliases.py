"""Aliases as rows: links, defaults, customers of an import, changes under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.domain.aliases import (
    AliasLink,
    AliasOperation,
    AliasOperationKind,
    AliasOperationState,
    AliasReference,
)
from gateway.domain.customers import CustomerLink
from gateway.domain.requests import RequestKey
from gateway.storage.alias_operations import (
    get_alias_operation,
    insert_alias_operation,
    settle_alias_operation,
)
from gateway.storage.aliases import (
    customers_by_id,
    customers_by_psp,
    forget_default,
    get_default,
    insert_alias_links,
    insert_customers,
    links_of_customer,
    links_of_moved,
    links_of_names,
    put_default,
)
from gateway.storage.customers import get_link, insert_link
from gateway.storage.database import Database
from gateway.storage.writes import AlreadyExistsError, GuardFailedError

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ODD = 'a "b" \\ {c} é 😀 \' ;--'
_LINK = AliasLink(
    AliasReference("ogone_be", "A-1"),
    AliasReference("stripe_eu", "pm_1"),
    "shopper-1",
    "cus_1",
    "d1",
)


def _link(n: int, **changes: str) -> AliasLink:
    return replace(
        _LINK,
        legacy=AliasReference(changes.pop("account", "ogone_be"), f"A-{n}"),
        moved_to=AliasReference("stripe_eu", f"pm_{n}"),
        **changes,
    )


async def test_links_are_stored_in_one_write_and_found_each_way(database: Database) -> None:
    """By customer, by legacy name at any account, by what they were moved to."""
    links = [_link(1), _link(2, customer_id="shopper-2"), _link(1, account="ogone_nl")]
    await database.commit([insert_alias_links(links, _NOW)])

    assert await links_of_customer(database, "shopper-2") == [links[1]]
    found = await links_of_names(database, ["A-1", "A-9"])
    assert sorted(found, key=lambda link: link.legacy.psp_account) == [links[0], links[2]]
    assert await links_of_moved(database, "stripe_eu", ["pm_2"]) == [links[1]]
    assert await links_of_moved(database, "stripe_us", ["pm_2"]) == []
    assert await links_of_names(database, []) == []


async def test_any_text_is_kept_as_it_is(database: Database) -> None:
    """What travels as JSON comes back the same."""
    link = replace(_LINK, legacy=AliasReference("ogone_be", _ODD), customer_id=_ODD)
    await database.commit([insert_alias_links([link], _NOW)])

    assert await links_of_names(database, [_ODD]) == [link]
    assert await links_of_customer(database, _ODD) == [link]


async def test_an_alias_is_moved_once(database: Database) -> None:
    """A batch with one that was moved before stores none of its lines."""
    await database.commit([insert_alias_links([_link(1)], _NOW)])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_alias_links([_link(2), _link(1)], _NOW)])

    assert exists.value.table == "alias_links"
    assert await links_of_names(database, ["A-2"]) == []


async def test_a_full_batch_is_one_statement(database: Database) -> None:
    """Five hundred rows of each kind, together."""
    links = [_link(n, customer_id=f"s-{n}") for n in range(500)]
    customers = [(f"s-{n}", f"cus_{n}") for n in range(500)]

    await database.commit(
        [insert_customers("stripe_eu", customers), insert_alias_links(links, _NOW)]
    )

    names = [f"A-{n}" for n in range(500)]
    assert len(await links_of_names(database, names)) == 500
    ids = [ours for ours, _ in customers]
    assert await customers_by_id(database, "stripe_eu", ids) == dict(customers)


async def test_imported_customers_are_links_like_others(database: Database) -> None:
    """Without a fingerprint, so that the next EnsureCustomer writes her record."""
    await database.commit([insert_customers("stripe_eu", [("shopper-1", "cus_1")])])
    pending = CustomerLink("shopper-2", "stripe_eu", "", "", pending_key="k")
    await database.commit([insert_link(pending)])

    assert await get_link(database, "shopper-1", "stripe_eu") == CustomerLink(
        "shopper-1", "stripe_eu", "cus_1", ""
    )
    wanted = ["shopper-1", "shopper-2", "shopper-3"]
    assert await customers_by_id(database, "stripe_eu", wanted) == {
        "shopper-1": "cus_1",
        "shopper-2": "",
    }
    assert await customers_by_psp(database, "stripe_eu", ["cus_1", "cus_2"]) == {
        "cus_1": "shopper-1"
    }
    assert await customers_by_id(database, "stripe_us", wanted) == {}


async def test_a_default_is_chosen_changed_and_forgotten(database: Database) -> None:
    """One a shopper; only the one that is gone is forgotten."""
    first, second = AliasReference("stripe_eu", "pm_1"), AliasReference("ogone_be", "A-1")
    assert await get_default(database, "shopper-1") is None
    await database.commit([put_default("shopper-1", first, _NOW, replaces=False)])
    assert await get_default(database, "shopper-1") == first
    with pytest.raises(AlreadyExistsError):
        await database.commit([put_default("shopper-1", second, _NOW, replaces=False)])

    await database.commit([put_default("shopper-1", second, _NOW, replaces=True)])
    await database.commit([forget_default("shopper-1", first)])
    assert await get_default(database, "shopper-1") == second

    await database.commit([forget_default("shopper-1", second)])
    assert await get_default(database, "shopper-1") is None
    with pytest.raises(GuardFailedError):
        await database.commit([put_default("shopper-1", second, _NOW, replaces=True)])


async def test_the_last_change_of_a_request_counts(database: Database) -> None:
    """A request that was refused and sent again is known by what it began last."""
    key = RequestKey("tests", "DeleteAlias", "r-1")
    first = AliasOperation(
        "alo_1", AliasOperationKind.DELETE, "s", "stripe_eu", "k1", {"psp_alias": "pm_1"}, key, _NOW
    )
    second = replace(first, id="alo_2", idempotency_key="k2")
    assert await get_alias_operation(database, key) is None
    await database.commit([insert_alias_operation(first)])
    await database.commit(
        [
            settle_alias_operation(first, AliasOperationState.FAILED, "refused"),
            insert_alias_operation(second),
        ]
    )

    assert await get_alias_operation(database, key) == second
    await database.commit([settle_alias_operation(second, AliasOperationState.DONE)])
    assert await get_alias_operation(database, key) == replace(
        second, state=AliasOperationState.DONE
    )
