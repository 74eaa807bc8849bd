"""A process may die between any two steps of EnsureCustomer: she still becomes one customer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.customers.commands import EnsuredLink
from gateway.errors import PaygateError, Reason
from tests.support.rig import CrashError
from tests.support.shop import CARDS, LEASE, SHOPPER, Shop

_MOST_STEPS = 40


async def _insist(shop: Shop, request_id: str, **profile: Any) -> tuple[EnsuredLink, ...]:
    """Send the same request until it is answered, and start a new process when one dies."""
    for _ in range(_MOST_STEPS):
        try:
            return await shop.ensure(request_id, **profile)
        except (CrashError, asyncio.CancelledError):
            shop.restart()
        except PaygateError as running:
            if running.retry_after_s is None:
                raise
            shop.clock.advance(LEASE)
    raise AssertionError("never answered")


async def test_a_new_shopper_survives_death_at_every_step(shop: Shop) -> None:
    """Each step is died at once: one customer at each account, whatever the step."""
    for crash_at in range(1, _MOST_STEPS):
        customer_id = f"shopper-{crash_at}"
        shop.restart(crash_at)
        doomed = shop.steps

        links = await _insist(shop, f"request-{crash_at}", customer_id=customer_id)

        place = f"died at step {crash_at}: {doomed.taken}"
        for psp, link in zip((shop.cards, shop.wallets), links, strict=True):
            made = [id_ for id_, each in psp.customers.items() if each.customer_id == customer_id]
            assert made == [link.psp_customer], place
        if not doomed.crashed:
            break
    else:
        raise AssertionError("it has more steps than were tried")

    assert crash_at > 8  # a begin, two calls and an end, before and after each


async def test_a_change_of_her_survives_death_at_every_step(shop: Shop) -> None:
    """However often it dies on the way, she ends as one customer with the new record."""
    for crash_at in range(1, _MOST_STEPS):
        customer_id = f"shopper-{crash_at}"
        shop.restart()
        before = await shop.ensure(f"first-{crash_at}", customer_id=customer_id)
        shop.restart(crash_at)
        doomed = shop.steps

        links = await _insist(shop, f"second-{crash_at}", customer_id=customer_id, name="Zoé")

        place = f"died at step {crash_at}: {doomed.taken}"
        assert [link.psp_customer for link in links] == [link.psp_customer for link in before], (
            place
        )
        for psp, link in zip((shop.cards, shop.wallets), links, strict=True):
            assert psp.customers[link.psp_customer].name == "Zoé", place
        if not doomed.crashed:
            break
    else:
        raise AssertionError("it has more steps than were tried")

    assert crash_at > 8  # as above


@pytest.mark.parametrize("acted", [True, False])
async def test_a_call_that_is_cut_off_is_taken_up_by_the_next_process(
    shop: Shop, acted: bool
) -> None:
    """A shutdown cancels the call: the next process sends the same under the same key."""
    shop.cards.fail("create_customer", asyncio.CancelledError(), acted=acted)

    await _insist(shop, "request-1")

    assert shop.cards.customers == {"cus_cards_1": SHOPPER}
    assert len({call.key for call in shop.cards.calls}) == 1


async def test_a_dead_process_is_waited_for_and_then_replaced(shop: Shop) -> None:
    """Inside its lease its request counts as running, since nobody can tell that it is dead."""
    shop.restart(crash_at=3)
    with pytest.raises(CrashError):
        await shop.ensure("request-1")
    shop.restart()

    with pytest.raises(PaygateError) as same:
        await shop.ensure("request-1")
    with pytest.raises(PaygateError) as other:
        await shop.ensure("request-2")

    assert same.value.reason is Reason.REQUEST_IN_PROGRESS
    assert other.value.reason is Reason.OPERATION_IN_PROGRESS
    shop.clock.advance(LEASE)
    assert (await shop.ensure("request-1"))[0].psp_account == CARDS
