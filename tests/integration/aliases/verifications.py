"""A shop whose Portuguese PSP saves cards with a payment only, and what its events say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.aliases.commands import StartAliasSetupCommand
from gateway.aliases.values import StartedSetup
from gateway.domain.aliases import AliasOperation
from gateway.domain.inbox import InboxEvent
from gateway.domain.requests import RequestKey
from gateway.domain.routing import Account
from gateway.routing.source import RoutingSource
from gateway.storage.alias_operations import find_alias_operation
from legacy_bridge.port import LegacyAlias
from psp.methods import MethodTraits, Presentation
from psp.port import PaymentMethod, PspAlias, PspEvent, PspEventSubject, PspPayment
from tests.support.fake_office import FakeOffice
from tests.support.payments import NOW
from tests.support.rig import CrashError
from tests.support.shop import CARD, PLAIN, SHOPPER, TABLE, Shop

KEY = RequestKey("tests", "StartAliasSetup", "r-1")
SAVED = PspAlias("als_new", PaymentMethod.CARD, "visa", "1111", 12, 2030)
IN_OFFICE = LegacyAlias(
    "als_new", SHOPPER.customer_id, PLAIN, "visa", "1111", 12, 2030, PaymentMethod.CARD.value
)


class SteppedOffice(FakeOffice):
    """A back office before and after whose savings the process can die."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self._shop = shop

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        self._shop.steps.step("before the back office")
        saved = await super().save_alias(alias, key=key)
        self._shop.steps.step("after the back office")
        return saved


def saving_with_payments(shop: Shop) -> Shop:
    """Let the plain account save cards with a payment."""
    shop.office = SteppedOffice(shop)
    traits = {CARD: MethodTraits(Presentation.REDIRECT, saves_with_payment=True)}
    accounts = {**TABLE.accounts, PLAIN: Account(PLAIN, "fake", traits)}
    shop.routing = RoutingSource(replace(TABLE, accounts=accounts))
    shop.restart()
    return shop


async def start(shop: Shop, request_id: str = "r-1", **changes: Any) -> StartedSetup:
    """Begin to save a card in Portugal."""
    fields: dict[str, Any] = {
        "customer_id": SHOPPER.customer_id,
        "country_code": "PT",
        "method": CARD,
        "return_url": "https://shop.example/cards",
        **changes,
    }
    command = StartAliasSetupCommand(replace(KEY, request_id=request_id), **fields)
    return await shop.open_aliases().start_setup(command, None)


def told(shop: Shop, **changes: Any) -> InboxEvent:
    """Return what the PSP says once she gave her card."""
    order = at_psp(shop)
    event = PspEvent(
        event_id="evt_1",
        event_type="status_5",
        subject=PspEventSubject.PAYMENT,
        psp_reference=order.psp_reference,
        payment_id=order.payment_id,
        occurred_time=NOW,
        claimed_minor=100,
        claimed_currency="EUR",
        saved_alias=SAVED,
    )
    return InboxEvent(PLAIN, replace(event, **changes), NOW)


async def resolve(shop: Shop) -> None:
    """Do all that is due, until nothing is, or this process dies."""
    resolver = shop.open_aliases().resolver
    while await resolver.run_once():
        await resolver.lanes.join()
        if shop.steps.crashed:
            raise CrashError(shop.steps.taken[-1])


def at_psp(shop: Shop) -> PspPayment:
    """Return the one verification as the PSP has it."""
    (only,) = shop.psps[PLAIN].payments.values()
    return only


async def stored(shop: Shop) -> AliasOperation:
    """Return the one verification as it is stored."""
    found = await find_alias_operation(shop.database, at_psp(shop).payment_id)
    assert found is not None
    return found
