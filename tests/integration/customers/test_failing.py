"""EnsureCustomer when the PSP fails: she ends as one customer, and nothing is forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.customers.commands import EnsuredLink, EnsureOutcome
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.storage.requests import get_request
from psp.errors import (
    MisconfiguredError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from tests.support.shop import CARDS, LEASE, SHOPPER, WALLETS, Shop

_CREATED, _UPDATED, _UNCHANGED = EnsureOutcome
_KEY = RequestKey("tests", "EnsureCustomer", "request-1")
_NO_ANSWER = OutcomeUnknownError(CARDS, "no answer")
_SURELY_NOT_DONE = [
    NotSentError(CARDS, "no connection"),
    UnavailableError(CARDS, "503"),
    RateLimitedError(CARDS, "429", retry_after_s=3.0),
    RejectedError(CARDS, "that is no e-mail address", "email_invalid"),
    MisconfiguredError(CARDS, "the key is revoked"),
]
_by_kind = pytest.mark.parametrize("error", _SURELY_NOT_DONE, ids=lambda each: type(each).__name__)


async def _fails_unknown(shop: Shop, request_id: str = "request-1", **profile: Any) -> None:
    with pytest.raises(PaygateError) as failed:
        await shop.ensure(request_id, **profile)
    assert failed.value.reason is Reason.PSP_UNAVAILABLE
    assert failed.value.retry_after_s is not None
    assert "outcome is unknown" in failed.value.message


@_by_kind
async def test_what_surely_did_not_happen_may_be_asked_again(shop: Shop, error: PspError) -> None:
    """The caller hears the PSP's error; the same request begins anew, under a new key."""
    shop.cards.fail("create_customer", error)

    with pytest.raises(type(error)) as failed:
        await shop.ensure("request-1", country_code="DE")

    assert failed.value is error
    assert (await shop.link()).pending_key == ""
    assert await get_request(shop.database, _KEY) is None
    links = await shop.ensure("request-1", country_code="DE")
    assert links == (EnsuredLink(CARDS, "cus_cards_1", _CREATED),)
    first, second = shop.cards.calls
    assert first.key != second.key


@_by_kind
async def test_an_update_that_did_not_happen_leaves_her_as_she_was(
    shop: Shop, error: PspError
) -> None:
    """She keeps the id and the record she has; the next call updates her."""
    await shop.ensure("request-1", country_code="DE")
    shop.cards.fail("update_customer", error)

    with pytest.raises(type(error)):
        await shop.ensure("request-2", country_code="DE", name="Zoé")

    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) == "cus_cards_1"
    again = await shop.ensure("request-3", country_code="DE")
    assert [link.outcome for link in again] == [_UNCHANGED]
    links = await shop.ensure("request-2", country_code="DE", name="Zoé")
    assert [link.outcome for link in links] == [_UPDATED]


@pytest.mark.parametrize("acted", [True, False])
async def test_an_unknown_creation_is_sent_again_under_its_key(shop: Shop, acted: bool) -> None:
    """Whether or not the PSP had acted, the same request makes one customer of it."""
    shop.cards.fail("create_customer", _NO_ANSWER, acted=acted)

    await _fails_unknown(shop)
    links = await shop.ensure("request-1")

    assert links[0] == EnsuredLink(CARDS, "cus_cards_1", _CREATED)
    assert list(shop.cards.customers) == ["cus_cards_1"]
    first, second = shop.cards.calls
    assert first == second


async def test_an_unknown_creation_is_ended_before_she_is_changed(shop: Shop) -> None:
    """Another profile is not sent under the old key: first what was left, then what is wanted."""
    shop.cards.fail("create_customer", _NO_ANSWER, acted=True)
    await _fails_unknown(shop)

    links = await shop.ensure("request-2", name="Zoé")

    assert links[0] == EnsuredLink(CARDS, "cus_cards_1", _CREATED)
    assert [call.method for call in shop.cards.calls] == [
        "create_customer",
        "create_customer",
        "update_customer",
    ]
    assert [profile.name for profile in shop.cards.customers.values()] == ["Zoé"]
    assert [link.outcome for link in await shop.ensure("request-3", name="Zoé")] == [_UNCHANGED] * 2


@pytest.mark.parametrize(
    "error",
    [each for each in _SURELY_NOT_DONE if not isinstance(each, RejectedError)],
    ids=lambda each: type(each).__name__,
)
async def test_a_failed_repeat_does_not_forget_what_may_have_happened(
    shop: Shop, error: PspError
) -> None:
    """The repeat was not done, but the first sending was: its key is kept for the next one."""
    shop.cards.fail("create_customer", _NO_ANSWER, acted=True)
    await _fails_unknown(shop)
    shop.cards.fail("create_customer", error)
    with pytest.raises(type(error)):
        await shop.ensure("request-1")

    await shop.ensure("request-1")

    assert list(shop.cards.customers) == ["cus_cards_1"]
    assert len({call.key for call in shop.cards.calls}) == 1


async def test_a_refused_repeat_frees_her_for_a_better_profile(shop: Shop) -> None:
    """Refused under its own key, the creation never happened: a corrected one is sent at once."""
    shop.cards.fail("create_customer", _NO_ANSWER)
    await _fails_unknown(shop, email="zoe@nowhere")
    refusal = RejectedError(CARDS, "that is no e-mail address", "email_invalid")
    shop.cards.fail("create_customer", refusal)
    with pytest.raises(RejectedError):
        await shop.ensure("request-2")

    links = await shop.ensure("request-3")

    assert links[0] == EnsuredLink(CARDS, "cus_cards_1", _CREATED)
    assert shop.cards.customers == {"cus_cards_1": SHOPPER}


async def test_a_lapsed_key_is_not_sent_again(shop: Shop) -> None:
    """The PSP forgot the key, so a new one is made: a second customer may come of it, no more."""
    shop.cards.fail("create_customer", _NO_ANSWER, acted=True)
    await _fails_unknown(shop)
    shop.clock.advance(timedelta(seconds=shop.cards.idempotency_lifetime_s))

    links = await shop.ensure("request-1")

    assert links[0].psp_customer == "cus_cards_2"
    assert len({call.key for call in shop.cards.calls}) == 2
    assert (await shop.ensure("request-2"))[0].psp_customer == "cus_cards_2"


async def test_a_psp_without_keys_is_never_sent_the_same_again(shop: Shop) -> None:
    """Where keys mean nothing, an unknown creation begins anew."""
    shop.cards.idempotency_lifetime_s = 0
    shop.cards.fail("create_customer", _NO_ANSWER)
    await _fails_unknown(shop)

    await shop.ensure("request-1")

    assert list(shop.cards.customers) == ["cus_cards_1"]
    assert len({call.key for call in shop.cards.calls}) == 2


@pytest.mark.parametrize("acted", [True, False])
async def test_an_unknown_update_is_overtaken_by_the_next(shop: Shop, acted: bool) -> None:
    """Even a return to the old record is sent: nobody knows which one the PSP has."""
    await shop.ensure("request-1")
    shop.cards.fail("update_customer", _NO_ANSWER, acted=acted)
    await _fails_unknown(shop, "request-2", name="Zoé")

    links = await shop.ensure("request-3")

    assert [link.outcome for link in links] == [_UPDATED, _UPDATED]
    assert shop.cards.customers == {"cus_cards_1": SHOPPER}


async def test_a_failure_at_one_account_keeps_the_others(shop: Shop) -> None:
    """What was done is kept, and the same request does only what is missing."""
    shop.wallets.fail("create_customer", UnavailableError(WALLETS, "503"))
    with pytest.raises(UnavailableError):
        await shop.ensure("request-1")

    links = await shop.ensure("request-1")

    assert links == (
        EnsuredLink(CARDS, "cus_cards_1", _UNCHANGED),
        EnsuredLink(WALLETS, "cus_wallets_1", _CREATED),
    )
    assert len(shop.cards.calls) == 1


async def test_the_accounts_are_asked_at_once(shop: Shop) -> None:
    """A slow account does not make the others wait."""
    slow = shop.cards.hold("create_customer")
    running = asyncio.create_task(shop.ensure())
    other = shop.wallets.hold("create_customer")

    await slow.reached()
    await other.reached()
    slow.open()
    other.open()

    assert len(await running) == 2


async def test_a_shopper_who_is_gone_at_the_psp_is_created_anew(shop: Shop) -> None:
    """Deleted there by hand, she gets a new id, and payments use it at once."""
    await shop.ensure("request-1")
    await shop.customers.psp_customer(SHOPPER.customer_id, CARDS)
    shop.cards.customers.clear()

    links = await shop.ensure("request-2", name="Zoé")

    assert [link.outcome for link in links] == [_CREATED, _UPDATED]
    assert links[0].psp_customer == "cus_cards_2"
    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) == "cus_cards_2"


async def test_a_shopper_whom_a_payment_did_not_find_is_asked_for_again(shop: Shop) -> None:
    """Her profile is the same, and yet the PSP is asked: she is made anew, not locked out."""
    await shop.ensure("request-1")
    await shop.customers.psp_customer(SHOPPER.customer_id, CARDS)
    shop.cards.customers.clear()

    await shop.customers.forget(SHOPPER.customer_id, CARDS)
    links = await shop.ensure("request-2")

    assert (links[0].outcome, links[0].psp_customer) == (_CREATED, "cus_cards_2")
    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) == "cus_cards_2"


async def test_a_shopper_who_was_wrongly_doubted_keeps_her_id(shop: Shop) -> None:
    """The PSP knows her: she is updated and stays one customer."""
    await shop.ensure("request-1")

    await shop.customers.forget(SHOPPER.customer_id, CARDS)
    links = await shop.ensure("request-2")

    assert (links[0].outcome, links[0].psp_customer) == (_UPDATED, "cus_cards_1")


async def test_a_shopper_who_is_gone_and_not_created_yet_is_not_known(shop: Shop) -> None:
    """Until the PSP answered, no payment is sent with an id that is no more."""
    await shop.ensure("request-1")
    shop.cards.customers.clear()
    shop.cards.fail("create_customer", _NO_ANSWER, acted=True)
    await _fails_unknown(shop, "request-2", name="Zoé")

    assert await shop.customers.psp_customer(SHOPPER.customer_id, CARDS) is None
    links = await shop.ensure("request-2", name="Zoé")
    assert links[0] == EnsuredLink(CARDS, "cus_cards_2", _CREATED)
    assert list(shop.cards.customers) == ["cus_cards_2"]


async def test_a_fault_of_the_adapter_is_an_unknown_outcome(shop: Shop) -> None:
    """Whatever broke may have broken after the PSP acted: she still becomes one customer."""
    shop.cards.fail("create_customer", ZeroDivisionError("oops"), acted=True)

    await _fails_unknown(shop)
    await shop.ensure("request-1")

    assert list(shop.cards.customers) == ["cus_cards_1"]


async def test_whoever_outlasts_the_lease_takes_what_others_made_of_it(shop: Shop) -> None:
    """A sending that hangs is taken over; when it ends at last, both say the same."""
    gate = shop.cards.hold("create_customer")
    late = asyncio.create_task(shop.ensure("request-1"))
    await gate.reached()
    shop.clock.advance(LEASE)

    links = await shop.ensure("request-1")
    gate.open()

    assert [link.psp_customer for link in await late] == [link.psp_customer for link in links]
    assert list(shop.cards.customers) == ["cus_cards_1"]
    assert await shop.ensure("request-1") == links


async def test_whoever_is_overtaken_by_another_change_is_told(shop: Shop) -> None:
    """It does not undo what was wanted after it."""
    gate = shop.cards.hold("create_customer")
    late = asyncio.create_task(shop.ensure("request-1"))
    await gate.reached()
    shop.clock.advance(LEASE)

    await shop.ensure("request-2", name="Zoé")
    gate.open()

    with pytest.raises(PaygateError) as overtaken:
        await late
    assert overtaken.value.reason is Reason.OPERATION_IN_PROGRESS
    assert [profile.name for profile in shop.cards.customers.values()] == ["Zoé"]
    links = await shop.ensure("request-1")
    assert {link.psp_customer for link in links} == {"cus_cards_1", "cus_wallets_1"}
