"""Saving, choosing and deleting aliases: once, by their owner, whatever breaks meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.values import AliasQuery, StartedSetup
from gateway.domain.aliases import AliasLink, AliasOperationState, AliasReference
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.storage.alias_operations import get_alias_operation
from gateway.storage.aliases import get_default, insert_alias_links
from gateway.storage.requests import get_request
from legacy_bridge.errors import BackOfficeUnavailableError
from psp.errors import NotSentError, OutcomeUnknownError, RejectedError, UnavailableError
from tests.support.payments import NOW
from tests.support.rig import CrashError
from tests.support.shop import CARD, CARDS, LEASE, PLAIN, SHOPPER, Shop

_SHOPPER = SHOPPER.customer_id
_PM = AliasReference(CARDS, "pm_1")
_LEGACY = AliasReference(PLAIN, "A-1")


def _key(rpc: str, request_id: str = "r-1") -> RequestKey:
    return RequestKey("tests", rpc, request_id)


async def _delete(
    shop: Shop,
    alias: AliasReference = _PM,
    request_id: str = "r-1",
    customer_id: str = _SHOPPER,
    remaining_s: float | None = None,
) -> None:
    command = ChangeAliasCommand(_key("DeleteAlias", request_id), customer_id, alias)
    await shop.open_aliases(min_deadline_s=1.0).delete(command, remaining_s)


async def _choose(shop: Shop, alias: AliasReference = _PM, request_id: str = "r-1") -> str:
    command = ChangeAliasCommand(_key("SetDefaultAlias", request_id), _SHOPPER, alias)
    chosen = await shop.open_aliases().set_default(command, None)
    assert chosen.alias.is_default
    return chosen.alias.psp_alias


async def _setup(shop: Shop, request_id: str = "r-1", **changes: Any) -> StartedSetup:
    fields: dict[str, Any] = {"customer_id": _SHOPPER, "country_code": "FR", "method": CARD}
    command = StartAliasSetupCommand(_key("StartAliasSetup", request_id), **{**fields, **changes})
    return await shop.open_aliases().start_setup(command, None)


async def _names(shop: Shop) -> list[str]:
    listed = await shop.open_aliases().list(AliasQuery(_SHOPPER))
    return [each.alias.psp_alias for each in listed.aliases]


@pytest.fixture
def saved(shop: Shop) -> Shop:
    """She has two cards at the PSP and one in the back office."""
    shop.cards.add_alias("cus_cards_1", "pm_1")
    shop.cards.add_alias("cus_cards_1", "pm_2", is_default=True)
    shop.office.add("A-1")
    return shop


# ------------------------------------------------------------ deleting


async def test_an_alias_is_deleted_where_it_is_kept(saved: Shop) -> None:
    """At its PSP, or in the back office; the other ones stay."""
    await _delete(saved)
    assert await _names(saved) == ["pm_2", "A-1"]

    await _delete(saved, _LEGACY, "r-2")
    assert await _names(saved) == ["pm_2"]


async def test_a_request_is_carried_out_once(saved: Shop) -> None:
    """Sent again it is answered, and nobody is told anything."""
    await _delete(saved)
    saved.cards.add_alias("cus_cards_1", "pm_1")  # as if saved anew under its old name

    await _delete(saved)

    assert len(saved.cards.calls_of("delete_alias")) == 1
    with pytest.raises(PaygateError) as reused:
        await _delete(saved, _LEGACY)
    assert reused.value.reason is Reason.REQUEST_ID_REUSED


@pytest.mark.parametrize(
    "alias",
    [
        pytest.param(AliasReference(CARDS, "pm_9"), id="unknown"),
        pytest.param(AliasReference(CARDS, "pm_other"), id="another's at a PSP"),
        pytest.param(AliasReference(PLAIN, "A-other"), id="another's in the back office"),
        pytest.param(AliasReference(PLAIN, "pm_1"), id="at another account"),
        pytest.param(AliasReference("nowhere", "pm_1"), id="at no account"),
    ],
)
@pytest.mark.parametrize("change", [_delete, _choose])
async def test_what_is_not_hers_is_not_touched(
    saved: Shop, alias: AliasReference, change: Any
) -> None:
    """It is refused as one that is not there, and nothing is written or sent."""
    saved.cards.add_alias("cus_other", "pm_other")
    saved.office.add("A-other", customer_id="shopper-2")
    before = dict(saved.cards.aliases), dict(saved.office.aliases)

    with pytest.raises(PaygateError) as refused:
        await change(saved, alias)

    assert refused.value.reason is Reason.ALIAS_NOT_FOUND
    assert (saved.cards.aliases, saved.office.aliases) == before
    assert saved.cards.calls_of("delete_alias", "set_default_alias") == []
    for rpc in ("DeleteAlias", "SetDefaultAlias"):
        assert await get_request(saved.database, _key(rpc)) is None


async def test_nobody_guesses_whose_an_alias_is(saved: Shop) -> None:
    """While its account is silent nothing is done, and the request may be sent again."""
    saved.cards.fail("list_aliases", UnavailableError(CARDS, "503"))
    with pytest.raises(PaygateError) as silent:
        await _delete(saved)
    assert silent.value.reason is Reason.PSP_UNAVAILABLE
    saved.office.fail("list_aliases", BackOfficeUnavailableError("list aliases", "down"))
    with pytest.raises(PaygateError) as away:
        await _delete(saved, _LEGACY, "r-2")
    assert away.value.reason is Reason.BACK_OFFICE_UNAVAILABLE

    await _delete(saved)
    await _delete(saved, _LEGACY, "r-2")
    assert await _names(saved) == ["pm_2"]


@pytest.mark.parametrize("named", [_PM, _LEGACY], ids=["as it is now", "as it was"])
async def test_a_moved_card_is_deleted_at_both(saved: Shop, named: AliasReference) -> None:
    """She sees one alias, and deletes one card."""
    link = AliasLink(_LEGACY, _PM, _SHOPPER, "cus_cards_1", "d")
    await saved.database.commit([insert_alias_links([link], NOW)])
    assert await _names(saved) == ["pm_2", "pm_1"]

    await _delete(saved, named)

    assert await _names(saved) == ["pm_2"]
    assert saved.office.aliases == {}


async def test_a_deleted_default_is_no_choice_any_more(saved: Shop) -> None:
    """The PSP's own default comes after it."""
    await _choose(saved, _PM)
    assert await _names(saved) == ["pm_1", "pm_2", "A-1"]

    await _delete(saved, _PM, "r-2")

    assert await get_default(saved.database, _SHOPPER) is None


async def test_too_little_time_begins_nothing(saved: Shop) -> None:
    """Nothing is written and nobody is told."""
    with pytest.raises(PaygateError) as late:
        await _delete(saved, remaining_s=0.5)

    assert late.value.reason is Reason.DEADLINE_TOO_SHORT
    assert await get_request(saved.database, _key("DeleteAlias")) is None


@pytest.mark.parametrize("acted", [True, False])
async def test_an_unknown_outcome_is_sent_again_under_its_key(saved: Shop, acted: bool) -> None:
    """Whether or not the PSP acted: one deletion comes of it."""
    saved.cards.fail("delete_alias", OutcomeUnknownError(CARDS, "no answer"), acted=acted)
    with pytest.raises(PaygateError) as unknown:
        await _delete(saved)
    assert unknown.value.reason is Reason.PSP_UNAVAILABLE
    operation = await get_alias_operation(saved.database, _key("DeleteAlias"))
    assert operation is not None
    assert operation.state is AliasOperationState.UNKNOWN

    await _delete(saved)

    first, second = saved.cards.calls_of("delete_alias")
    assert first.key == second.key
    assert await _names(saved) == ["pm_2", "A-1"]


@pytest.mark.parametrize("error", [NotSentError(CARDS, "no route"), RejectedError(CARDS, "no")])
async def test_what_surely_did_not_happen_is_forgotten(saved: Shop, error: Exception) -> None:
    """The same request begins anew, under another key: a PSP keeps refusals under the old one."""
    saved.cards.fail("delete_alias", error)
    with pytest.raises(type(error)):
        await _delete(saved)
    assert await get_request(saved.database, _key("DeleteAlias")) is None

    await _delete(saved)

    keys = [call.key for call in saved.cards.calls_of("delete_alias")]
    assert len(set(keys)) == 2


async def test_the_back_office_may_have_acted(saved: Shop) -> None:
    """Its silence is an unknown outcome too."""
    error = BackOfficeUnavailableError("delete alias", "no answer in time")
    saved.office.fail("delete_alias", error, acted=True)
    with pytest.raises(BackOfficeUnavailableError):
        await _delete(saved, _LEGACY)

    await _delete(saved, _LEGACY)

    assert saved.office.aliases == {}


async def test_a_card_that_is_moved_while_it_is_deleted_is_deleted_at_both(saved: Shop) -> None:
    """An import found it in the back office before that could be told: it must not come back."""
    error = BackOfficeUnavailableError("delete alias", "no answer in time")
    saved.office.fail("delete_alias", error)
    with pytest.raises(BackOfficeUnavailableError):
        await _delete(saved, _LEGACY)
    link = AliasLink(_LEGACY, _PM, _SHOPPER, "cus_cards_1", "d")
    await saved.database.commit([insert_alias_links([link], NOW)])

    await _delete(saved, _LEGACY)

    assert await _names(saved) == ["pm_2"]
    assert saved.office.aliases == {}


@pytest.mark.parametrize("crash_at", range(1, 7))
async def test_a_crash_at_any_step_ends_in_one_deletion(saved: Shop, crash_at: int) -> None:
    """Whoever sends the request again, once the dead process's lease is over, finds it whole."""
    saved.restart(crash_at)
    try:
        await _delete(saved)
    except CrashError:
        saved.restart()
        saved.clock.advance(LEASE + timedelta(seconds=1))
    await _delete(saved)

    assert await _names(saved) == ["pm_2", "A-1"]
    assert len({call.key for call in saved.cards.calls_of("delete_alias")}) == 1


async def test_a_second_sender_waits_for_the_first(saved: Shop) -> None:
    """One at a time; and the first one's caller may leave meanwhile."""
    gate = saved.cards.hold("delete_alias")
    first = asyncio.create_task(_delete(saved))
    await gate.reached()
    with pytest.raises(PaygateError) as running:
        await _delete(saved)
    assert running.value.reason is Reason.REQUEST_IN_PROGRESS

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.open()
    await saved.shield.drain(5)

    assert await _names(saved) == ["pm_2", "A-1"]
    await _delete(saved)
    assert len(saved.cards.calls_of("delete_alias")) == 1


# ------------------------------------------------------------ choosing


async def test_a_choice_holds_over_all_sources(saved: Shop) -> None:
    """Whoever keeps the alias is told, and the list has one default whatever the others say."""
    assert await _choose(saved, _PM) == "pm_1"
    assert await _names(saved) == ["pm_1", "pm_2", "A-1"]
    assert [each.is_default for each in saved.cards.aliases["cus_cards_1"]] == [True, False]

    assert await _choose(saved, _LEGACY, "r-2") == "A-1"
    assert await _names(saved) == ["A-1", "pm_1", "pm_2"]
    assert saved.office.aliases[PLAIN, "A-1"].is_default
    assert await _choose(saved, _PM) == "pm_1"  # a replay answers, and changes nothing
    assert await _names(saved) == ["A-1", "pm_1", "pm_2"]


async def test_two_choices_at_once_end_in_one(saved: Shop) -> None:
    """One of them; the other was heard before it."""
    await asyncio.gather(_choose(saved, _PM, "r-1"), _choose(saved, _LEGACY, "r-2"))

    assert await get_default(saved.database, _SHOPPER) in {_PM, _LEGACY}


async def test_an_expired_card_is_no_default(saved: Shop) -> None:
    """By the back office's word nothing is written or sent; a PSP knows better than its dates."""
    saved.office.add("A-old", expiry_year=2020)
    saved.cards.add_alias("cus_cards_1", "pm_old", expiry_year=2020)
    with pytest.raises(PaygateError) as refused:
        await _choose(saved, AliasReference(PLAIN, "A-old"))
    assert refused.value.reason is Reason.ALIAS_EXPIRED
    assert "12/2020" in refused.value.message
    assert await get_request(saved.database, _key("SetDefaultAlias")) is None

    assert await _choose(saved, AliasReference(CARDS, "pm_old")) == "pm_old"


async def test_an_expired_card_can_be_deleted(saved: Shop) -> None:
    """That is what one does with it."""
    saved.office.add("A-old", expiry_year=2020)

    await _delete(saved, AliasReference(PLAIN, "A-old"))

    assert "A-old" not in await _names(saved)


# ------------------------------------------------------------ saving


async def test_a_setup_is_started_where_she_is_served(shop: Shop) -> None:
    """With what her page needs, which is stored nowhere."""
    started = await _setup(shop)

    assert started.psp_account == CARDS
    assert started.next_action is not None
    stored = await get_request(shop.database, _key("StartAliasSetup"))
    assert stored is not None
    assert stored.answer == {"psp_reference": started.psp_reference}


async def test_a_replayed_setup_is_the_same(shop: Shop) -> None:
    """The PSP is asked again under the same key, since the secret is not kept."""
    first = await _setup(shop)
    again = await _setup(shop)

    assert again == first
    keys = {call.key for call in shop.cards.calls_of("start_alias_setup")}
    assert len(keys) == 1


async def test_an_unknown_setup_is_sent_again(shop: Shop) -> None:
    """One set-up comes of it."""
    shop.cards.fail("start_alias_setup", OutcomeUnknownError(CARDS, "no answer"), acted=True)
    with pytest.raises(PaygateError):
        await _setup(shop)

    assert (await _setup(shop)).psp_reference == "seti_cards_1"


@pytest.mark.parametrize(
    "changes,reason",
    [
        ({"country_code": "US"}, Reason.COUNTRY_NOT_SERVED),
        ({"country_code": "IT"}, Reason.ACCOUNT_RETIRED),
        ({"country_code": "PT"}, Reason.METHOD_NOT_OFFERED),
        ({"customer_id": "shopper-9"}, Reason.CUSTOMER_NOT_ENSURED),
    ],
)
async def test_a_setup_that_cannot_be_is_refused(
    shop: Shop, changes: dict[str, str], reason: Reason
) -> None:
    """Portugal's PSP saves nothing without a purchase, and the refusal says so."""
    with pytest.raises(PaygateError) as refused:
        await _setup(shop, **changes)

    assert refused.value.reason is reason
    if changes.get("country_code") == "PT":
        assert "without a purchase" in refused.value.message
    assert await get_request(shop.database, _key("StartAliasSetup")) is None


async def test_a_customer_who_is_gone_is_ensured_anew(shop: Shop) -> None:
    """The PSP does not know her any more: EnsureCustomer asks it again, and then she can save."""
    shop.cards.customers.clear()
    with pytest.raises(RejectedError):
        await _setup(shop)

    await shop.ensure("request-2")

    assert (await _setup(shop)).psp_account == CARDS
