"""What shoppers and staff do in a soak: it succeeds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gateway.client import PaygateRpcError, new_request_id
from gateway.demo.acting import creation, money_message
from legacy_bridge.port import DraftOrder, LegacyAlias
from paygate.v1 import alias_service_pb2 as alias_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.customer_service_pb2 import CustomerProfile, EnsureCustomerRequest
from paygate.v1.order_service_pb2 import GetOrderRequest
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest
from paygate.v1.refund_service_pb2 import CreateRefundRequest, ListRefundsRequest
from paygate.v1.routing_service_pb2 import ExplainRouteRequest
from psp.money import Money
from scripts.soak.stage import Stage

TOTAL: Final = Money(1999, "EUR")
RETURN_URL: Final = "https://shop.example/back"
_SHOPPERS: Final = 60
"""So few, so that caches by shopper are full before it is looked at."""
_CROWD: Final = 300
_OGONE_ACCOUNT: Final = "ogone_be"
_OGONE_PSPID: Final = "PaygateSandbox"
"""Both as config/sandbox.toml has them."""
_OGONE_CARD: Final = "4111111111111111"
_KEPT_PAYMENTS: Final = 50
_WATCH_S: Final = 10.0


@dataclass
class Scene:
    """What one who acts needs."""

    stage: Stage
    dice: random.Random
    paid: list[str] = field(default_factory=list)
    """The last payments that were captured."""

    def shopper(self) -> str:
        """Return one of the shoppers."""
        return self.dice.choice(SHOPPERS)

    async def draft(self, country: str, shopper: str) -> str:
        """Store a new draft order."""
        order_id, now = f"soak-{self.dice.getrandbits(64):016x}", datetime.now(UTC)
        draft = DraftOrder(order_id, shopper, country, TOTAL, create_time=now, update_time=now)
        await self.stage.office.save_draft(draft)
        return order_id

    async def create(self, country: str, **changes: object) -> pb.CreatePaymentResponse:
        """Create a payment for a new order of some shopper."""
        shopper = self.shopper()
        order_id = await self.draft(country, shopper)
        request = creation(
            order_id,
            country_code=country,
            customer_id=shopper,
            return_url=RETURN_URL,
            **changes,
        )
        return await self.stage.client.create_payment(request, timeout_s=20)

    def confirm(self, created: pb.CreatePaymentResponse, card: str = "pm_card_visa") -> None:
        """Pay in Stripe's fields, if the outcome of the creation is known."""
        secret = created.next_action.confirm.client_secret
        if secret:
            self.stage.sandboxes.stripe.browser_confirm(secret, card)

    async def captured(self, payment_id: str) -> bool:
        """Watch a payment until it is captured, for a while."""
        watch = self.stage.client.watch_payment(
            pb.WatchPaymentRequest(payment_id=payment_id), timeout_s=_WATCH_S
        )
        async with aclosing(watch) as steps:
            async for step in steps:
                if step.event.state == pb.PAYMENT_STATE_CAPTURED:
                    self.paid = [*self.paid, payment_id][-_KEPT_PAYMENTS:]
                    return True
        return False


SHOPPERS: Final = tuple(f"shopper-{number}" for number in range(_SHOPPERS))
Act = Callable[[Scene], Awaitable[object]]


async def move_in(scene: Scene) -> None:
    """Make every shopper known to Stripe, and give her the card that Ogone's days left her."""
    for shopper in SHOPPERS:
        await scene.stage.client.ensure_customer(
            EnsureCustomerRequest(
                customer_id=shopper,
                country_code="FR",
                profile=CustomerProfile(email="ada@example.com"),
            )
        )
        alias = f"{shopper}-visa"
        scene.stage.sandboxes.ogone.add_alias(_OGONE_PSPID, alias, _OGONE_CARD)
        await scene.stage.office.save_alias(
            LegacyAlias(alias, shopper, _OGONE_ACCOUNT, "visa", "1111", 12, 2030, "card"),
            key=alias,
        )


async def propose(scene: Scene) -> None:
    """Ask what to offer a shopper."""
    await scene.stage.client.get_payment_proposal(
        GetPaymentProposalRequest(
            country_code=scene.dice.choice(("FR", "BE", "PT", "DE")),
            customer_id=scene.shopper(),
            amount=money_message(TOTAL),
        )
    )


async def ensure_customer(scene: Scene) -> None:
    """Make a shopper known; now and then her profile changes."""
    profile = CustomerProfile(email="ada@example.com", name=f"Ada {scene.dice.randrange(3)}")
    await scene.stage.client.ensure_customer(
        EnsureCustomerRequest(customer_id=scene.shopper(), country_code="FR", profile=profile)
    )


async def pay_at_stripe(scene: Scene) -> None:
    """Pay by card, watched to the end; a few keep the card."""
    created = await scene.create("FR", save_alias=scene.dice.random() < 0.2)  # noqa: PLR2004 - one in five
    scene.confirm(created)
    await scene.captured(created.payment.id)


async def pay_at_ogone(scene: Scene) -> None:
    """Pay on Ogone's page."""
    created = await scene.create("BE")
    form = created.next_action.post_form
    if form.url:
        await scene.stage.sandboxes.ogone.pay(dict(form.fields), url=form.url)


async def pay_by_alias(scene: Scene) -> None:
    """Pay with a saved card, of either PSP."""
    shopper = scene.shopper()
    client = scene.stage.client
    listed = await client.list_aliases(alias_pb.ListAliasesRequest(customer_id=shopper))
    if not listed.aliases:
        return  # the one source that has any did not answer in time
    alias = scene.dice.choice(listed.aliases)
    country = "BE" if alias.psp_account == _OGONE_ACCOUNT else "FR"
    request = creation(
        await scene.draft(country, shopper),
        country_code=country,
        customer_id=shopper,
        alias_id=alias.id,
        return_url=RETURN_URL,
    )
    scene.confirm(await client.create_payment(request, timeout_s=20))


async def save_a_card(scene: Scene) -> None:
    """Save a card without paying; half of them leave before it is done."""
    started = await scene.stage.client.start_alias_setup(
        alias_pb.StartAliasSetupRequest(
            customer_id=scene.shopper(),
            country_code="FR",
            method=pb.PAYMENT_METHOD_CARD,
            return_url=RETURN_URL,
        )
    )
    secret = started.next_action.confirm.client_secret
    if secret and scene.dice.random() < 0.5:  # noqa: PLR2004 - half of them
        scene.stage.sandboxes.stripe.browser_confirm(secret, "pm_card_visa")


async def capture_by_hand(scene: Scene) -> None:
    """Capture a part in the country where that is done by callers."""
    created = await scene.create("ES")
    scene.confirm(created)
    await scene.stage.sandboxes.stripe.settle()
    request = pb.CapturePaymentRequest(
        payment_id=created.payment.id, amount=money_message(Money(1500, "EUR"))
    )
    await scene.stage.client.capture_payment(request, timeout_s=10)


async def cancel(scene: Scene) -> None:
    """Create a payment and cancel it."""
    created = await scene.create("FR")
    request = pb.CancelPaymentRequest(payment_id=created.payment.id)
    await scene.stage.client.cancel_payment(request, timeout_s=10)


async def refund(scene: Scene) -> None:
    """Refund a little of a payment that was captured."""
    if not scene.paid:
        return
    request = CreateRefundRequest(
        payment_id=scene.dice.choice(scene.paid), amount=money_message(Money(10, "EUR"))
    )
    await scene.stage.client.create_refund(request, timeout_s=10)


async def read(scene: Scene) -> None:
    """Read whatever there is to read of a payment."""
    client = scene.stage.client
    await client.list_payments(pb.ListPaymentsRequest(customer_id=scene.shopper(), page_size=5))
    await client.explain_route(
        ExplainRouteRequest(country_code="PT", method=pb.PAYMENT_METHOD_CARD)
    )
    if not scene.paid:
        return
    payment_id = scene.dice.choice(scene.paid)
    got = await client.get_payment(pb.GetPaymentRequest(payment_id=payment_id))
    await client.list_payment_events(pb.ListPaymentEventsRequest(payment_id=payment_id))
    await client.list_refunds(ListRefundsRequest(payment_id=payment_id))
    await client.get_order(GetOrderRequest(order_id=got.payment.order_id))


async def crowd(scene: Scene) -> None:
    """Read often at the same moment: pools grow as large as they get, early."""
    request = pb.GetPaymentRequest(payment_id="pay_" + "0" * 26)
    calls = [scene.stage.client.get_payment(request) for _ in range(_CROWD)]
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if not isinstance(outcome, PaygateRpcError):
            raise TypeError(f"a payment that is not there was found: {outcome!r}")


async def replay(scene: Scene) -> None:
    """Send the same request twice at the same time, and once more."""
    shopper = scene.shopper()
    request = creation(await scene.draft("FR", shopper), customer_id=shopper)
    request.request_id = new_request_id()
    client = scene.stage.client
    await asyncio.gather(
        *(client.create_payment(request, timeout_s=10) for _ in range(2)), return_exceptions=True
    )
    await client.create_payment(request, timeout_s=10)
