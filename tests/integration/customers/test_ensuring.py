"""EnsureCustomer when nothing goes wrong at the PSP, on each database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.customers.commands import EnsuredLink, EnsureOutcome
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.storage.customers import get_links
from gateway.storage.requests import get_request
from tests.support.shop import CARDS, LEASE, SHOPPER, WALLETS, Shop

_CREATED, _UPDATED, _UNCHANGED = EnsureOutcome
_KEY = RequestKey("tests", "EnsureCustomer", "request-1")


async def test_a_new_shopper_is_created_at_every_account_of_her_country(shop: Shop) -> None:
    """Each account that serves France learns of her once, and the answer says so."""
    links = await shop.ensure()

    assert links == (
        EnsuredLink(CARDS, "cus_cards_1", _CREATED),
        EnsuredLink(WALLETS, "cus_wallets_1", _CREATED),
    )
    assert shop.cards.customers == {"cus_cards_1": SHOPPER}
    assert shop.wallets.customers == {"cus_wallets_1": SHOPPER}


async def test_her_profile_is_not_kept_once_the_psp_has_it(shop: Shop) -> None:
    """What is left is the PSP's id and a digest that tells whether anything changed."""
    await shop.ensure()

    link = await shop.link()
    assert (link.psp_customer, link.pending_key, link.pending_profile) == ("cus_cards_1", "", None)
    assert (link.lease_time, link.pending_since) == (None, None)


async def test_the_same_profile_again_calls_no_psp(shop: Shop) -> None:
    """An unchanged shopper costs no call, and the answer says that she is unchanged."""
    await shop.ensure("request-1")
    calls = len(shop.cards.calls)

    links = await shop.ensure("request-2")

    assert {link.outcome for link in links} == {_UNCHANGED}
    assert links[0].psp_customer == "cus_cards_1"
    assert len(shop.cards.calls) == calls


async def test_a_changed_profile_updates_the_same_customer(shop: Shop) -> None:
    """She stays one customer at the PSP, with the new record."""
    await shop.ensure("request-1")

    links = await shop.ensure("request-2", email="zoe@example.com")

    assert links[0] == EnsuredLink(CARDS, "cus_cards_1", _UPDATED)
    assert [profile.email for profile in shop.cards.customers.values()] == ["zoe@example.com"]
    assert {link.outcome for link in await shop.ensure("request-3", email="zoe@example.com")} == {
        _UNCHANGED
    }


async def test_two_methods_of_one_account_are_one_link(shop: Shop) -> None:
    """An account is asked once, however many methods it serves, and no other is asked."""
    links = await shop.ensure(country_code="DE")

    assert links == (EnsuredLink(CARDS, "cus_cards_1", _CREATED),)
    assert shop.wallets.calls == []


async def test_the_same_request_gets_the_stored_answer(shop: Shop) -> None:
    """Also after another request changed her: what was answered once stays answered."""
    first = await shop.ensure("request-1")
    await shop.ensure("request-2", name="Zoé")
    calls = len(shop.cards.calls)

    assert await shop.ensure("request-1") == first
    assert len(shop.cards.calls) == calls


async def test_an_unchanged_answer_is_stored_too(shop: Shop) -> None:
    """A replay of a request that called nobody says what it said."""
    await shop.ensure("request-1")
    unchanged = await shop.ensure("request-2")
    await shop.ensure("request-3", name="Zoé")

    assert await shop.ensure("request-2") == unchanged


async def test_the_id_of_another_request_is_refused(shop: Shop) -> None:
    """The same id with another profile changes nothing."""
    await shop.ensure("request-1")

    with pytest.raises(PaygateError) as refused:
        await shop.ensure("request-1", name="Somebody Else")

    assert refused.value.reason is Reason.REQUEST_ID_REUSED
    assert shop.cards.customers == {"cus_cards_1": SHOPPER}


async def test_a_request_that_still_runs_is_not_run_twice(shop: Shop) -> None:
    """The second sending is told to ask again; the first one ends well."""
    gate = shop.cards.hold("create_customer")
    first = asyncio.create_task(shop.ensure("request-1"))
    await gate.reached()

    with pytest.raises(PaygateError) as refused:
        await shop.ensure("request-1")
    gate.open()

    assert refused.value.reason is Reason.REQUEST_IN_PROGRESS
    assert refused.value.retry_after_s is not None
    assert await first == await shop.ensure("request-1")
    assert len(shop.cards.customers) == 1


async def test_another_request_waits_for_the_change_in_flight(shop: Shop) -> None:
    """Two changes of one shopper do not overtake each other, and no trace is left of the second."""
    gate = shop.cards.hold("create_customer")
    first = asyncio.create_task(shop.ensure("request-1"))
    await gate.reached()

    with pytest.raises(PaygateError) as refused:
        await shop.ensure("request-2", name="Zoé")
    gate.open()
    await first

    assert refused.value.reason is Reason.OPERATION_IN_PROGRESS
    assert refused.value.retry_after_s is not None
    assert (await shop.ensure("request-2", name="Zoé"))[0].outcome is _UPDATED


async def test_many_callers_at_once_make_one_customer(shop: Shop) -> None:
    """Whoever comes first creates her; nobody else does."""
    calls = (shop.ensure(f"request-{number}") for number in range(8))

    answers = await asyncio.gather(*calls, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(
        isinstance(each, PaygateError) and each.reason is Reason.OPERATION_IN_PROGRESS
        for each in refused
    )
    assert len(refused) < len(answers)
    assert len(shop.cards.customers) == len(shop.wallets.customers) == 1


async def test_the_row_is_committed_before_the_psp_is_called(shop: Shop) -> None:
    """While the PSP is asked, the database holds the very key and profile that were sent."""
    gate = shop.cards.hold("create_customer")
    running = asyncio.create_task(shop.ensure())
    await gate.reached()

    link = await shop.link()
    (call,) = shop.cards.calls
    gate.open()
    await running

    assert (link.pending_key, link.pending_profile) == (call.key, call.argument)
    assert link.lease_time == shop.clock.now + LEASE
    assert link.psp_customer == ""


async def test_a_caller_that_gives_up_changes_nothing(shop: Shop) -> None:
    """The work goes on, and the same request is answered by it."""
    gate = shop.cards.hold("create_customer")
    caller = asyncio.create_task(shop.ensure("request-1"))
    await gate.reached()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    gate.open()
    assert await shop.shield.drain(10) == 0

    links = await shop.ensure("request-1")
    assert [link.outcome for link in links] == [_CREATED, _CREATED]
    assert len(shop.cards.calls) == 1


async def test_too_little_time_begins_nothing(shop: Shop) -> None:
    """Nothing is written and nobody is called."""
    with pytest.raises(PaygateError) as refused:
        await shop.ensure(remaining_s=0.5)

    assert refused.value.reason is Reason.DEADLINE_TOO_SHORT
    assert await get_links(shop.database, SHOPPER.customer_id) == []
    assert await get_request(shop.database, _KEY) is None
    assert shop.cards.calls == []


async def test_a_stored_answer_needs_no_time(shop: Shop) -> None:
    """A replay begins nothing, so it is answered whatever time is left."""
    first = await shop.ensure("request-1")

    assert await shop.ensure("request-1", remaining_s=0.001) == first


async def test_a_country_that_is_not_served_is_refused(shop: Shop) -> None:
    """Nothing is written and nobody is called."""
    with pytest.raises(PaygateError) as refused:
        await shop.ensure(country_code="US")

    assert refused.value.reason is Reason.COUNTRY_NOT_SERVED
    assert "US" in refused.value.message
    assert await get_request(shop.database, _KEY) is None


async def test_an_answer_outlives_the_rules_it_was_given_under(shop: Shop) -> None:
    """A request that was answered is answered again after its country was given up."""
    first = await shop.ensure("request-1", country_code="DE")
    served = dict(shop.routing.table.countries)
    del served["DE"]
    shop.serve(served)

    assert await shop.ensure("request-1", country_code="DE") == first


async def test_a_country_without_such_accounts_has_no_links(shop: Shop) -> None:
    """Where no PSP keeps customers there is nothing to ensure."""
    assert await shop.ensure(country_code="PT") == ()
    assert shop.psps["plain"].calls == []


async def test_a_psp_customer_is_known_by_her_id(shop: Shop) -> None:
    """Creating a payment learns what the PSP calls her, and that it does not know her."""
    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) is None

    await shop.ensure()

    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) == "cus_cards_1"
    shop.restart()
    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) == "cus_cards_1"
    assert await shop.customers.psp_customer(SHOPPER.customer_id, "old") is None


async def test_a_remembered_id_is_read_anew_after_a_while(shop: Shop) -> None:
    """What another replica changed is seen here at last."""
    await shop.ensure()
    other = Shop(shop.database)
    other.psps = shop.psps
    other.restart()
    shop.cards.customers.clear()
    await other.ensure("request-2", name="Zoé")

    before = await shop.customers.psp_customer(SHOPPER.customer_id, CARDS)
    shop.clock.advance(timedelta(minutes=5))
    after = await shop.customers.psp_customer(SHOPPER.customer_id, CARDS)

    assert (before, after) == ("cus_cards_1", "cus_cards_2")
