"""Customer links as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.customers import CustomerLink
from gateway.storage.customers import get_link, get_links, insert_link, update_link
from gateway.storage.database import Database
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from psp.port import CustomerProfile
from tests.support.payments import NOW

PENDING = CustomerLink(
    customer_id="shopper-1",
    psp_account="stripe_eu",
    psp_customer="",
    fingerprint="",
    pending_key="paygate-cus_1",
    pending_profile=CustomerProfile("shopper-1", email="zoe@example.org", name="Zoë"),
    lease_time=NOW + timedelta(seconds=90),
    pending_since=NOW,
)
KNOWN = replace(
    PENDING,
    psp_customer="cus_1",
    fingerprint="f00d",
    pending_key="",
    pending_profile=None,
    lease_time=None,
    pending_since=None,
    version=2,
)


async def test_a_link_is_read_as_it_was_stored(database: Database) -> None:
    """Every field survives, the profile that is being sent among them."""
    await database.commit([insert_link(PENDING)])

    assert await get_link(database, "shopper-1", "stripe_eu") == PENDING
    assert await get_link(database, "shopper-1", "stripe_us") is None
    assert await get_link(database, "shopper-2", "stripe_eu") is None


async def test_a_shopper_has_one_link_at_an_account(database: Database) -> None:
    """Of two callers that begin to create her, one does."""
    await database.commit([insert_link(PENDING)])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_link(replace(PENDING, pending_key="another"))])

    assert exists.value.table == "customer_links"
    assert await get_link(database, "shopper-1", "stripe_eu") == PENDING


async def test_a_link_is_stored_over_the_version_that_was_read(database: Database) -> None:
    """Of two that change her, the second is told, and changes nothing."""
    other = replace(PENDING, psp_account="stripe_us")
    await database.commit([insert_link(PENDING), insert_link(other)])

    await database.commit([update_link(KNOWN, read_version=1)])
    with pytest.raises(GuardFailedError) as failed:
        await database.commit([update_link(replace(KNOWN, psp_customer="cus_2"), read_version=1)])

    assert failed.value.guard == "customer_link"
    assert await get_links(database, "shopper-1") == [KNOWN, other]
    assert await get_links(database, "shopper-2") == []
