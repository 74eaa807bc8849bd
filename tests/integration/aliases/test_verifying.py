"""Saving a card at a PSP that saves with a payment only: authorised, kept, released."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.aliases.values import AliasQuery
from gateway.domain.aliases import AliasOperationState
from gateway.domain.verifications import FIRST_LOOK, GIVE_UP
from gateway.errors import PaygateError, Reason
from gateway.storage.alias_operations import get_alias_operation
from gateway.storage.inbox import get_event, insert_event
from legacy_bridge.errors import BackOfficeUnavailableError
from psp.errors import OutcomeUnknownError, UnavailableError
from psp.money import Money
from psp.port import CapturePolicy, CreatePayment, PendingChange, PspStatus
from tests.integration.aliases.verifications import (
    IN_OFFICE,
    KEY,
    at_psp,
    resolve,
    saving_with_payments,
    start,
    stored,
    told,
)
from tests.support.fake_psp import DECLINED
from tests.support.rig import CrashError
from tests.support.shop import LEASE, PLAIN, SHOPPER, Shop

_STATE = AliasOperationState
_LONG = timedelta(hours=7)
"""Longer than any pause."""


@pytest.fixture
def saving(shop: Shop) -> Shop:
    """See `saving_with_payments`."""
    return saving_with_payments(shop)


async def _paid(shop: Shop) -> None:
    """Begin to save, and give the card on the PSP's page."""
    await start(shop)
    shop.psps[PLAIN].confirm(at_psp(shop).psp_reference)


async def _hear(shop: Shop, **changes: Any) -> bool:
    return await shop.open_aliases().news.of_verification([told(shop, **changes)])


async def test_she_is_sent_to_pay_what_is_never_captured(saving: Shop) -> None:
    """One euro, authorised only, under an id that is written down before she gets there."""
    started = await start(saving)

    (call,) = saving.psps[PLAIN].calls_of("create_payment")
    asked = call.argument
    assert isinstance(asked, CreatePayment)
    assert asked.amount == Money(100, "EUR")
    assert asked.capture_policy is CapturePolicy.MANUAL
    assert (asked.save_alias, asked.shopper_present, asked.psp_alias) == (True, True, "")
    assert asked.return_url == "https://shop.example/cards"
    assert len(asked.payment_id) <= 30  # Ogone's ORDERID
    assert (started.psp_account, started.psp_reference) == (PLAIN, at_psp(saving).psp_reference)
    assert started.next_action is not None
    assert (await stored(saving)).state is _STATE.PENDING


async def test_her_card_is_kept_and_her_money_let_go(saving: Shop) -> None:
    """Once the PSP told of it: then the card is in her list like any other."""
    await _paid(saving)

    assert await _hear(saving)
    await resolve(saving)

    assert saving.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    assert at_psp(saving).status is PspStatus.CANCELED
    assert (await stored(saving)).state is _STATE.DONE
    listed = await saving.open_aliases().list(AliasQuery(SHOPPER.customer_id, "PT"))
    assert [each.alias.last4 for each in listed.aliases] == ["1111"]


async def test_what_is_told_again_changes_nothing(saving: Shop) -> None:
    """Ogone repeats its notifications, and tells of the release too."""
    await _paid(saving)
    await _hear(saving)
    await resolve(saving)
    saving.office.aliases.clear()  # she deleted it

    assert await _hear(saving, event_type="status_6")
    saving.clock.advance(GIVE_UP)
    await resolve(saving)

    assert saving.office.aliases == {}
    assert len(saving.psps[PLAIN].calls_of("cancel_payment")) == 1


async def test_a_replay_is_the_same_until_it_is_over(saving: Shop) -> None:
    """The form is made anew and is the same; afterwards there is nothing left to do."""
    first = await start(saving)
    assert await start(saving) == first

    saving.psps[PLAIN].confirm(first.psp_reference)
    await _hear(saving)
    await resolve(saving)

    assert await start(saving) == replace(first, next_action=None)


async def test_without_a_way_back_she_is_not_sent_away(saving: Shop) -> None:
    """As with payments."""
    with pytest.raises(PaygateError) as refused:
        await start(saving, return_url="")

    assert [each.field for each in refused.value.fields] == ["return_url"]
    assert await get_alias_operation(saving.database, KEY) is None


@pytest.mark.parametrize("changes", [{"claimed_minor": 1}, {"claimed_currency": "GBP"}])
async def test_a_claim_of_another_amount_is_not_believed(
    saving: Shop, changes: dict[str, Any]
) -> None:
    """Its card is not kept; what the PSP itself shows is let go all the same."""
    await _paid(saving)

    assert await _hear(saving, **changes)
    await resolve(saving)

    assert saving.office.aliases == {}
    assert at_psp(saving).status is PspStatus.CANCELED


async def test_another_accounts_event_is_about_no_verification_here(saving: Shop) -> None:
    """An id alone proves nothing."""
    await _paid(saving)
    event = replace(told(saving), psp_account="cards")

    assert not await saving.open_aliases().news.of_verification([event])


async def test_a_lost_word_costs_the_card_and_not_the_money(saving: Shop) -> None:
    """After an hour the PSP is asked; who tells later which card it was is still heard."""
    await _paid(saving)
    saving.clock.advance(FIRST_LOOK + timedelta(seconds=1))
    await resolve(saving)
    assert at_psp(saving).status is PspStatus.CANCELED
    assert (await stored(saving)).state is _STATE.PENDING

    await _hear(saving)
    await resolve(saving)

    assert saving.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    assert (await stored(saving)).state is _STATE.DONE


async def test_who_does_not_come_is_asked_about_twice_and_given_up(saving: Shop) -> None:
    """Ogone prohibits to poll every transaction. Whoever comes after all is taken up again."""
    await start(saving)
    for _ in range(40):
        saving.clock.advance(timedelta(hours=1))
        await resolve(saving)
    assert len(saving.psps[PLAIN].calls_of("retrieve_payment")) == 2
    assert (await stored(saving)).state is _STATE.FAILED

    saving.psps[PLAIN].confirm(at_psp(saving).psp_reference)
    await _hear(saving)
    await resolve(saving)

    assert (await stored(saving)).state is _STATE.DONE
    assert at_psp(saving).status is PspStatus.CANCELED


async def test_a_declined_card_is_not_kept(saving: Shop) -> None:
    """And the set-up is over."""
    await start(saving)
    saving.psps[PLAIN].change(
        at_psp(saving).psp_reference, status=PspStatus.FAILED, failure=DECLINED
    )

    await _hear(saving, event_type="status_2", saved_alias=None)
    await resolve(saving)

    assert (await stored(saving)).state is _STATE.FAILED
    assert saving.office.aliases == {}


async def test_a_release_that_is_carried_out_later_is_waited_for(saving: Shop) -> None:
    """Her card is kept meanwhile; nothing is sent twice; a refused release is sent again."""
    await _paid(saving)
    reference = at_psp(saving).psp_reference
    psp = saving.psps[PLAIN]
    psp.change(reference, status=PspStatus.PROCESSING, pending=PendingChange.CANCEL)
    await _hear(saving)
    await resolve(saving)
    assert saving.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    assert (await stored(saving)).state is _STATE.PENDING

    psp.change(reference, status=PspStatus.AUTHORIZED, pending=PendingChange.NONE)
    saving.clock.advance(_LONG)
    await resolve(saving)

    assert at_psp(saving).status is PspStatus.CANCELED
    assert len(psp.calls_of("cancel_payment")) == 1
    assert (await stored(saving)).state is _STATE.DONE


async def test_neither_waits_for_the_other(saving: Shop) -> None:
    """With the back office down the money is let go, with the PSP down the card is kept."""
    await _paid(saving)
    await _hear(saving)
    saving.office.fail("save_alias", BackOfficeUnavailableError("save alias", "down"))
    await resolve(saving)
    assert at_psp(saving).status is PspStatus.CANCELED
    assert (await stored(saving)).state is _STATE.UNKNOWN

    saving.clock.advance(_LONG)
    await resolve(saving)
    assert saving.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    assert (await stored(saving)).state is _STATE.DONE


@pytest.mark.parametrize("acted", [True, False])
async def test_an_unknown_release_ends_in_one(saving: Shop, acted: bool) -> None:
    """The PSP is asked before anything is sent again."""
    await _paid(saving)
    await _hear(saving)
    psp = saving.psps[PLAIN]
    psp.fail("cancel_payment", OutcomeUnknownError(PLAIN, "no answer"), acted=acted)
    await resolve(saving)
    assert saving.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}

    saving.clock.advance(_LONG)
    await resolve(saving)

    assert at_psp(saving).status is PspStatus.CANCELED
    assert len(psp.calls_of("cancel_payment")) == 1 + (not acted)
    assert (await stored(saving)).state is _STATE.DONE


async def test_a_silent_psp_is_asked_again(saving: Shop) -> None:
    """Unknown stays unknown until the PSP speaks."""
    await _paid(saving)
    await _hear(saving)
    saving.psps[PLAIN].fail("retrieve_payment", UnavailableError(PLAIN, "503"), times=3)
    for _ in range(3):
        await resolve(saving)
        assert (await stored(saving)).state is _STATE.UNKNOWN
        saving.clock.advance(_LONG)

    await resolve(saving)

    assert (await stored(saving)).state is _STATE.DONE


async def _insist(shop: Shop) -> None:
    """Play the whole story; whoever dies is started anew, whoever is not answered asks again."""
    for _ in range(30):
        try:
            started = await start(shop)
            if started.next_action is not None and at_psp(shop).status is (
                PspStatus.AWAITING_CUSTOMER
            ):
                shop.psps[PLAIN].confirm(started.psp_reference)
            await _hear(shop)
            await resolve(shop)
        except CrashError:
            shop.restart()
        except PaygateError as running:
            if running.reason is not Reason.REQUEST_IN_PROGRESS:
                raise
        else:
            if (await stored(shop)).state is _STATE.DONE:
                return
        shop.clock.advance(LEASE + timedelta(seconds=1))
    raise AssertionError("never over")


@pytest.mark.parametrize("crash_at", range(1, 14))
async def test_a_crash_at_any_step_ends_as_if_there_was_none(saving: Shop, crash_at: int) -> None:
    """One order, one card, one release."""
    saving.restart(crash_at)
    doomed = saving.steps

    await _insist(saving)

    assert doomed.crashed == (crash_at <= len(doomed.taken))

    assert saving.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    assert at_psp(saving).status is PspStatus.CANCELED
    assert len({call.key for call in saving.psps[PLAIN].calls_of("create_payment")}) == 1
    assert len({call.key for call in saving.psps[PLAIN].calls_of("cancel_payment")}) == 1


async def test_the_inbox_keeps_what_is_told(saving: Shop) -> None:
    """A webhook that was answered is durable, with the card that it names."""
    await start(saving)
    event = told(saving)
    bare = replace(event, event=replace(event.event, event_id="evt_2", saved_alias=None))

    await saving.database.commit([insert_event(event), insert_event(bare)])

    assert await get_event(saving.database, PLAIN, "evt_1") == event
    assert await get_event(saving.database, PLAIN, "evt_2") == bare
