"""Whatever a caller began about aliases is finished, also if the caller never comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.domain.aliases import (
    AliasOperation,
    AliasOperationKind,
    AliasOperationState,
    AliasReference,
)
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.requests import RequestKey
from gateway.storage.alias_operations import (
    find_alias_operation,
    get_alias_operation,
    list_due_alias_operations,
)
from gateway.storage.aliases import get_default
from gateway.storage.payments import insert_payment
from gateway.storage.requests import get_request
from legacy_bridge.errors import AliasConflictError, BackOfficeUnavailableError
from psp.errors import NotSentError, OutcomeUnknownError, PspError, RejectedError
from psp.port import PspEvent, PspEventSubject
from tests.integration.aliases.verifications import IN_OFFICE, SAVED, resolve
from tests.support.payments import NOW, payment
from tests.support.rig import CrashError
from tests.support.shop import CARD, CARDS, LEASE, PLAIN, SHOPPER, Shop

_SHOPPER = SHOPPER.customer_id
_PM, _OTHER = AliasReference(CARDS, "pm_1"), AliasReference(CARDS, "pm_2")
_LEGACY = AliasReference(PLAIN, "A-1")
_STATE = AliasOperationState
_PAUSE = timedelta(minutes=6)
"""Longer than any pause between two tries."""


def _key(rpc: str, request_id: str = "r-1") -> RequestKey:
    return RequestKey("tests", rpc, request_id)


async def _delete(shop: Shop, alias: AliasReference = _PM) -> None:
    command = ChangeAliasCommand(_key("DeleteAlias"), _SHOPPER, alias)
    await shop.open_aliases().delete(command, None)


async def _choose(shop: Shop, alias: AliasReference = _PM, request_id: str = "r-1") -> None:
    command = ChangeAliasCommand(_key("SetDefaultAlias", request_id), _SHOPPER, alias)
    await shop.open_aliases().set_default(command, None)


async def _setup(shop: Shop) -> None:
    command = StartAliasSetupCommand(_key("StartAliasSetup"), _SHOPPER, "FR", CARD)
    await shop.open_aliases().start_setup(command, None)


async def _of(shop: Shop, rpc: str, request_id: str = "r-1") -> AliasOperation:
    found = await get_alias_operation(shop.database, _key(rpc, request_id))
    assert found is not None
    return found


@pytest.fixture
def saved(shop: Shop) -> Shop:
    """She has two cards at the PSP and one in the back office."""
    shop.cards.add_alias("cus_cards_1", "pm_1")
    shop.cards.add_alias("cus_cards_1", "pm_2")
    shop.office.add("A-1")
    return shop


_CHANGES: dict[str, tuple[Callable[[Shop], Awaitable[None]], str]] = {
    "DeleteAlias": (_delete, "delete_alias"),
    "SetDefaultAlias": (_choose, "set_default_alias"),
    "StartAliasSetup": (_setup, "start_alias_setup"),
}


@pytest.mark.parametrize("crash_at", range(2, 5))
@pytest.mark.parametrize("rpc", _CHANGES)
async def test_what_a_crash_left_is_finished_without_its_caller(
    saved: Shop, rpc: str, crash_at: int
) -> None:
    """From its commit on it will be done: once, and its request has an answer."""
    change, method = _CHANGES[rpc]
    saved.restart(crash_at)
    with pytest.raises(CrashError):
        await change(saved)
    saved.restart()
    await resolve(saved)
    assert len(saved.cards.calls_of(method)) == (crash_at > 2)  # its lease is not over

    saved.clock.advance(LEASE + timedelta(seconds=1))
    await resolve(saved)

    assert (await _of(saved, rpc)).state is _STATE.DONE
    stored = await get_request(saved.database, _key(rpc))
    assert stored is not None
    assert stored.answer is not None
    assert len({call.key for call in saved.cards.calls_of(method)}) == 1
    await change(saved)  # the caller after all: she is answered


async def test_what_died_before_its_commit_was_never_begun(saved: Shop) -> None:
    """Nothing is to be finished."""
    saved.restart(1)
    with pytest.raises(CrashError):
        await _delete(saved)
    saved.restart()
    saved.clock.advance(LEASE + timedelta(seconds=1))
    await resolve(saved)

    assert saved.cards.calls_of("delete_alias") == []


@pytest.mark.parametrize("acted", [True, False])
async def test_an_unknown_outcome_is_asked_for_under_its_key(saved: Shop, acted: bool) -> None:
    """As often as it takes, and no faster."""
    error = OutcomeUnknownError(CARDS, "no answer")
    saved.cards.fail("set_default_alias", error, acted=acted, times=3)
    with pytest.raises(Exception, match="unknown"):
        await _choose(saved)
    await resolve(saved)
    assert len(saved.cards.calls_of("set_default_alias")) == 1  # the pause is not over
    for _ in range(3):
        saved.clock.advance(_PAUSE)
        await resolve(saved)

    calls = saved.cards.calls_of("set_default_alias")
    assert len({call.key for call in calls}) == 1
    assert len(calls) == 4
    assert (await _of(saved, "SetDefaultAlias")).state is _STATE.DONE
    assert await get_default(saved.database, _SHOPPER) == _PM


@pytest.mark.parametrize(
    "error,state",
    [(RejectedError(CARDS, "no"), _STATE.FAILED), (NotSentError(CARDS, "no"), _STATE.UNKNOWN)],
)
async def test_only_a_refusal_ends_it(saved: Shop, error: PspError, state: _STATE) -> None:
    """What was not sent now may have been done by the first sending."""
    saved.cards.fail("delete_alias", OutcomeUnknownError(CARDS, "no answer"))
    with pytest.raises(Exception, match="unknown"):
        await _delete(saved)
    saved.cards.fail("delete_alias", error)
    saved.clock.advance(_PAUSE)
    await resolve(saved)

    assert (await _of(saved, "DeleteAlias")).state is state
    stored = await get_request(saved.database, _key("DeleteAlias"))
    assert (stored is None) == (state is _STATE.FAILED)


async def test_the_back_office_is_asked_again(saved: Shop) -> None:
    """Also for an account that is not configured any more."""
    saved.office.fail("delete_alias", BackOfficeUnavailableError("delete alias", "down"))
    with pytest.raises(BackOfficeUnavailableError):
        await _delete(saved, _LEGACY)
    del saved.psps[PLAIN]
    saved.clock.advance(_PAUSE)
    await resolve(saved)

    assert saved.office.aliases == {}
    assert (await _of(saved, "DeleteAlias")).state is _STATE.DONE


async def test_a_late_choice_does_not_win(saved: Shop) -> None:
    """She chose another one since: the first is dropped, wherever it got to."""
    saved.cards.fail("set_default_alias", OutcomeUnknownError(CARDS, "no answer"))
    with pytest.raises(Exception, match="unknown"):
        await _choose(saved)
    await _choose(saved, _OTHER, "r-2")
    saved.clock.advance(_PAUSE)
    await resolve(saved)

    assert [each.is_default for each in saved.cards.aliases["cus_cards_1"]] == [False, True]
    assert await get_default(saved.database, _SHOPPER) == _OTHER
    assert (await _of(saved, "SetDefaultAlias")).state is _STATE.FAILED


async def test_two_replicas_finish_it_once(saved: Shop) -> None:
    """Both see that it is due; one of them has it."""
    saved.cards.fail("delete_alias", OutcomeUnknownError(CARDS, "no answer"))
    with pytest.raises(Exception, match="unknown"):
        await _delete(saved)
    saved.clock.advance(_PAUSE)
    (due,) = await list_due_alias_operations(saved.database, CARDS, saved.clock(), 10)
    await saved.open_aliases().resolver.resolve(due)
    await saved.open_aliases().resolver.resolve(due)

    assert len(saved.cards.calls_of("delete_alias")) == 2


async def test_a_hanging_account_holds_up_no_other(saved: Shop) -> None:
    """Each has its own road."""
    saved.cards.fail("delete_alias", OutcomeUnknownError(CARDS, "no answer"))
    with pytest.raises(Exception, match="unknown"):
        await _delete(saved)
    saved.office.fail("save_alias", BackOfficeUnavailableError("save alias", "down"))
    with pytest.raises(BackOfficeUnavailableError):
        await _choose(saved, _LEGACY)
    gate = saved.cards.hold("delete_alias")
    saved.clock.advance(_PAUSE)
    resolver = saved.open_aliases().resolver
    assert await resolver.run_once() == 2
    await gate.reached()
    while (await _of(saved, "SetDefaultAlias")).state is not _STATE.DONE:
        await resolver.wake.wait(1)

    assert (await _of(saved, "DeleteAlias")).state is _STATE.PENDING
    gate.open()
    await resolver.lanes.join()
    assert (await _of(saved, "DeleteAlias")).state is _STATE.DONE


# ------------------------------------------------------------ what was saved with a payment


def _event(pay: Payment, event_id: str = "evt_1") -> PspEvent:
    return PspEvent(
        event_id, "status_5", PspEventSubject.PAYMENT, pay.id, pay.id, NOW, saved_alias=SAVED
    )


async def _paying(shop: Shop, **changes: Any) -> Payment:
    fields: dict[str, Any] = {
        "customer_id": _SHOPPER,
        "psp_account": PLAIN,
        "authorized_minor": 1999,
        **changes,
    }
    pay = payment(**fields)
    await shop.database.commit([insert_payment(pay)])
    return pay


async def _heard(shop: Shop, pay: Payment, *event_ids: str) -> list[AliasOperation]:
    """Hear events one after the other, and return what is to be saved."""
    for event_id in event_ids:
        writes = await shop.open_aliases().news.of_payment(pay, [_event(pay, event_id)])
        await shop.database.commit(list(writes))
    later = shop.clock() + timedelta(days=1)
    return await list_due_alias_operations(shop.database, PLAIN, later, 10)


async def test_a_card_saved_with_a_payment_is_kept_once(shop: Shop) -> None:
    """Whatever is told of the payment later: deleted by her, it stays deleted."""
    pay = await _paying(shop)
    (operation,) = await _heard(shop, pay, "evt_1", "evt_2")
    await resolve(shop)
    assert shop.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    shop.office.aliases.clear()

    assert await _heard(shop, pay, "evt_3") == []
    await resolve(shop)

    assert shop.office.aliases == {}
    done = await find_alias_operation(shop.database, operation.id)
    assert done is not None
    assert (done.kind, done.state) == (AliasOperationKind.SAVE, _STATE.DONE)


async def test_the_card_waits_until_it_is_paid(shop: Shop) -> None:
    """Our own books say so, by the PSP's word."""
    pay = await _paying(shop, authorized_minor=0, state=PaymentState.PROCESSING)
    await _heard(shop, pay, "evt_1")
    await resolve(shop)

    assert shop.office.aliases == {}
    shop.clock.advance(_PAUSE)
    assert len(await _heard(shop, pay)) == 1


@pytest.mark.parametrize("state", [PaymentState.FAILED, PaymentState.CANCELED])
async def test_a_card_that_paid_nothing_is_not_kept(shop: Shop, state: PaymentState) -> None:
    """Nor waited for."""
    pay = await _paying(shop, authorized_minor=0, state=state)
    await _heard(shop, pay, "evt_1")
    await resolve(shop)

    assert shop.office.aliases == {}
    assert await _heard(shop, pay) == []


async def test_a_guest_keeps_nothing(shop: Shop) -> None:
    """There is nobody to keep it for."""
    pay = await _paying(shop, customer_id="")

    assert await _heard(shop, pay, "evt_1") == []


async def test_the_back_office_gets_it_when_it_is_back(shop: Shop) -> None:
    """And once, whether or not it had it."""
    await _heard(shop, await _paying(shop), "evt_1")
    error = BackOfficeUnavailableError("save alias", "no answer in time")
    shop.office.fail("save_alias", error, acted=True)
    await resolve(shop)
    shop.clock.advance(_PAUSE)
    await resolve(shop)

    assert shop.office.aliases == {(PLAIN, "als_new"): IN_OFFICE}
    assert len(set(map(str, shop.office.calls_of("save_alias")))) == 1


async def test_an_alias_of_another_is_not_taken_over(shop: Shop) -> None:
    """The back office says whose it is; that is no reason to try for ever."""
    shop.office.fail("save_alias", AliasConflictError(PLAIN, "als_new"))
    (operation,) = await _heard(shop, await _paying(shop), "evt_1")
    await resolve(shop)

    found = await find_alias_operation(shop.database, operation.id)
    assert found is not None
    assert (found.state, found.next_check_time) == (_STATE.FAILED, None)
