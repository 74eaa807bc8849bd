"""Shoppers and the shop's page: they pay at once, late, twice, never, and change their minds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.domain.aliases import AliasReference, alias_id
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.payments.commands import CreatedPayment, CreatePaymentCommand
from legacy_bridge.port import DraftOrder, LegacyAlias
from psp.money import Money
from psp.ogone.sandbox.shopper import pay_on_page
from psp.port import NextAction, NextActionKind, PaymentMethod
from psp.stripe.sandbox.api_errors import ApiError
from tests.simulation.cards import OTHERS, PAYS
from tests.simulation.chaos import HOUR_S
from tests.simulation.world import OGONE, GaveUpError, World

CALLER: Final = "checkout"
COUNTRIES: Final[Mapping[str, int]] = {
    "FR": 5,  # Stripe, captured at the order
    "DE": 3,  # Stripe, captured by Stripe
    "ES": 2,  # Stripe, captured by hand
    "PL": 1,  # Stripe, another currency
    "BE": 5,  # Ogone, captured at the order
    "NL": 2,  # Ogone, captured by Ogone
    "IT": 2,  # Ogone, captured by hand
    "PT": 3,  # both, by canary
}
_AT_OGONE: Final = ("BE", "NL", "IT")
_GUESTS: Final = 0.2
"""How many have no account."""
_ORDERS_EACH: Final = 5
"""How many orders one shopper makes, at most."""
PLANS: Final[Mapping[str, int]] = {
    "pays": 30,
    "pays with 3-D Secure": 8,
    "pays with a suspicious card": 8,
    "pays late": 8,
    "pays twice": 6,
    "clicks twice": 4,
    "declined, then pays": 6,
    "declined, then pays anew": 4,
    "abandons 3-D Secure": 4,
    "fails 3-D Secure, then pays": 3,
    "never pays": 6,
    "looks only": 3,
    "leaves the page": 3,
    "pays another amount": 3,
    "pays before the draft": 3,
    "pays, refunds go slowly": 4,
    "pays, refunds fail": 5,
    "alias": 8,
}
"""What shoppers do, and how often."""


@dataclass
class Purchase:
    """One order and what its shopper means to do."""

    order: DraftOrder
    plan: str
    payments: dict[str, str] = field(default_factory=dict)
    """Payments that the page was answered, and by which request."""
    notes: list[str] = field(default_factory=list)
    hand_made: bool = False
    """Somebody touched its money past the gateway, or on purpose in part."""
    card: str = ""


def draw_purchase(world: World, number: int) -> Purchase:
    """Draw an order and its shopper's plan."""
    rng = world.rng
    plan = rng.choices(list(PLANS), list(PLANS.values()))[0]
    country = rng.choices(list(COUNTRIES), list(COUNTRIES.values()))[0]
    customer = "" if rng.random() < _GUESTS else f"shopper-{number // _ORDERS_EACH}"
    if plan == "alias":
        country, customer = rng.choice(_AT_OGONE), f"saver-{number}"
    currency = "PLN" if country == "PL" else "EUR"
    total = Money(rng.randrange(500, 40_000), currency)
    now = world.now()
    order = DraftOrder(f"order-{number:04}", customer, country, total, now, now)
    return Purchase(order, plan)


class Shopper:
    """One shopper at the page of one order."""

    def __init__(self, world: World, purchase: Purchase) -> None:
        self._world = world
        self._purchase = purchase
        self._rng = world.rng
        self._tabs = 0

    @property
    def _who(self) -> str:
        return f"shopper of {self._purchase.order.order_id}"

    async def shop(self) -> None:
        """Do what the plan says."""
        world, purchase = self._world, self._purchase
        now = world.now()
        purchase.order = replace(purchase.order, create_time=now, update_time=now)
        order = purchase.order
        world.say(f"{self._who}: {purchase.plan} {order.total} in {order.country_code}")
        if purchase.plan != "pays before the draft":
            await world.office.save_draft(order)
        try:
            await self._plans()[purchase.plan]()
        except GaveUpError:
            purchase.notes.append("the page gave up")
        except PaygateError as error:
            world.say(f"{self._who}: refused: {error.reason} {error}")

    def _plans(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        return {
            "pays": self._pays,
            "pays with 3-D Secure": lambda: self._pays("3ds"),
            "pays with a suspicious card": lambda: self._pays("review"),
            "pays late": self._pays_late,
            "pays twice": self._pays_twice,
            "clicks twice": self._clicks_twice,
            "declined, then pays": self._declined_then_pays,
            "declined, then pays anew": self._declined_then_pays_anew,
            "abandons 3-D Secure": lambda: self._pays("3ds", bank="abandon"),
            "fails 3-D Secure, then pays": self._fails_then_pays,
            "never pays": self._never_pays,
            "looks only": self._nothing,
            "leaves the page": self._leaves,
            "pays another amount": self._pays_another_amount,
            "pays before the draft": self._pays_before_the_draft,
            "pays, refunds go slowly": lambda: self._pays("slow_refund"),
            "pays, refunds fail": lambda: self._pays("refund_fails"),
            "alias": self._alias,
        }

    # ------------------------------------------------------------ plans
    async def _nothing(self) -> None:
        """Leave a draft behind."""

    async def _pays(self, card: str = "", bank: str = "confirm") -> None:
        created = await self._create()
        await self._think()
        await self._confirm(created, card, bank)

    async def _pays_late(self) -> None:
        created = await self._create()
        await asyncio.sleep(self._rng.choice((1.1, 3, 20, 23.9, 24.1, 26, 30)) * HOUR_S)
        await self._confirm(created)

    async def _pays_twice(self) -> None:
        first = await self._create()
        second = await self._create()
        for created in self._rng.sample((first, second), 2):
            await self._think()
            await self._confirm(created)
            if self._rng.random() < 0.3:
                await asyncio.sleep(self._rng.uniform(0, 26) * HOUR_S)

    async def _clicks_twice(self) -> None:
        command = self._command()
        answers = await asyncio.gather(
            self._create(command), self._create(command), return_exceptions=True
        )
        created = [answer for answer in answers if isinstance(answer, CreatedPayment)]
        if len({each.payment.id for each in created}) > 1:
            ids = [each.payment.id for each in created]
            self._world.problems.append((command.order_id, f"one request made {ids}"))
        for each in created:
            await self._confirm(each)

    async def _declined_then_pays(self) -> None:
        created = await self._create()
        await self._confirm(created, "decline")
        await self._think()
        await self._confirm(created)

    async def _declined_then_pays_anew(self) -> None:
        await self._pays("decline")
        await self._think()
        await self._pays()

    async def _fails_then_pays(self) -> None:
        created = await self._create()
        await self._confirm(created, "3ds", bank="refuse")
        await self._think()
        await self._confirm(created)

    async def _never_pays(self) -> None:
        await self._create()

    async def _leaves(self) -> None:
        await self._confirm(await self._create(), bank="leave")

    async def _pays_another_amount(self) -> None:
        total = self._purchase.order.total
        other = Money(total.amount_minor + self._rng.choice((-100, 250)), total.currency)
        await self._confirm(await self._create(replace(self._command(), amount=other)))

    async def _pays_before_the_draft(self) -> None:
        paying = asyncio.create_task(self._pays())
        await asyncio.sleep(self._rng.uniform(1, 1800))
        await self._world.office.save_draft(self._purchase.order)
        await paying

    async def _alias(self) -> None:
        """Be charged by a saved card, without being there."""
        order = self._purchase.order
        name = f"als-{order.order_id}"
        kind = self._rng.choice(("", "", "decline", "review", "slow_refund"))
        card = OTHERS["ogone"][kind] if kind else self._rng.choice(PAYS["ogone"])
        pspid = self._world.configuration.accounts[OGONE].pspid  # type: ignore[union-attr]  # it is Ogone's
        self._world.ogone.add_alias(pspid, name, card)
        alias = LegacyAlias(
            name, order.customer_id, OGONE, "visa", card[-4:], 12, 2030, "card", is_default=True
        )
        await self._world.office.save_alias(alias, key=f"save-{name}")
        command = replace(
            self._command(),
            alias_id=alias_id(AliasReference(OGONE, name)),
            off_session=True,
            return_url="",
        )
        await self._create(command)

    # ------------------------------------------------------------ what a page does
    def _command(self) -> CreatePaymentCommand:
        order = self._purchase.order
        self._tabs += 1
        return CreatePaymentCommand(
            key=RequestKey(CALLER, "CreatePayment", f"{order.order_id}-create-{self._tabs}"),
            order_id=order.order_id,
            # Stripe must be told of a shopper first: there it is the order alone that names her.
            customer_id=order.customer_id if order.country_code in _AT_OGONE else "",
            country_code=order.country_code,
            method=PaymentMethod.CARD,
            amount=order.total,
            return_url="https://shop.example/return",
        )

    async def _create(self, command: CreatePaymentCommand | None = None) -> CreatedPayment:
        command = command or self._command()
        created = await self._world.ask(
            f"{self._who} ({command.key.request_id})",
            lambda gateway: gateway.payments.create(command, None),
            hurried=True,
        )
        payment = created.payment
        self._world.say(
            f"{self._who}: {command.key.request_id} is {payment.id} {payment.state} "
            f"at {payment.psp_account} {payment.psp_reference}"
        )
        known = self._purchase.payments
        if known.setdefault(command.key.request_id, payment.id) != payment.id:
            text = f"{command.key.request_id} made {payment.id} too"
            self._world.problems.append((command.order_id, text))
        return created

    async def _think(self) -> None:
        await asyncio.sleep(self._rng.uniform(1, 120))

    async def _confirm(
        self, created: CreatedPayment, card: str = "", bank: str = "confirm"
    ) -> None:
        """Type a card into the page; `bank` says what becomes of 3-D Secure, or `leave`."""
        action = created.next_action
        if action is None:
            self._world.say(f"{self._who}: {created.payment.id} leaves nothing to do")
            return
        self._purchase.card = card
        if action.kind is NextActionKind.POST_FORM:
            await self._on_ogones_page(action, card, bank)
        else:
            self._in_stripes_fields(action, card, bank)

    def _in_stripes_fields(self, action: NextAction, card: str, bank: str) -> None:
        if bank == "leave":
            return
        method = OTHERS["stripe"].get(card) or self._rng.choice(PAYS["stripe"])
        try:
            seen: Any = self._world.stripe.browser_confirm(action.client_secret, method)
            if seen["status"] == "requires_action" and bank != "abandon":
                outcome = "succeed" if bank == "confirm" else "fail"
                seen = self._world.stripe.browser_authenticate(action.client_secret, outcome)
            self._world.say(f"{self._who}: {method} at {seen['id']} -> {seen['status']}")
        except ApiError as error:
            self._world.say(f"{self._who}: {method} -> {error.message}")

    async def _on_ogones_page(self, action: NextAction, card: str, bank: str) -> None:
        number = OTHERS["ogone"].get(card) or self._rng.choice(PAYS["ogone"])
        if bank == "abandon":
            bank = "wait"  # the sandbox shows the question, and nobody answers it
        landing = await pay_on_page(
            self._world.browser,  # type: ignore[arg-type]  # as much of a session as it uses
            action.url,
            action.fields,
            card=number,
            decision="cancel" if bank == "leave" else "pay",
            bank=bank,
        )
        told = landing.parameters.get("STATUS") or landing.html[:80]
        order_id = action.fields.get("ORDERID")
        self._world.say(f"{self._who}: {number[-4:]} on Ogone's page for {order_id} -> {told}")
