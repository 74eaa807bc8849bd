"""The warehouse's side of order management: it invoices what was captured, and reports parcels."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from gateway.accounts.commands import ReportCommand, ReportInvoicedCommand, ReportParcelCommand
from gateway.domain.payment import Payment
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from legacy_bridge.port import DraftOrder, OrderState
from psp.money import Money
from tests.simulation.chaos import HOUR_S
from tests.simulation.ledger import Report
from tests.simulation.shoppers import Purchase
from tests.simulation.world import GaveUpError, World

_LOOKS: Final = 5
_LOOKS_EVERY_S: Final = 7 * HOUR_S
_MOST_REPEATS: Final = 8
_IN_PARTS: Final = 0.3
"""How often an order has several invoices, or parcels."""
_SHIPS_NOT_ALL: Final = 0.2
"""How often a part of an order stays in the warehouse: it is owed on the account at the end."""


class Packer:
    """Who packs one order, and reports it as it goes."""

    def __init__(self, world: World, purchase: Purchase) -> None:
        self._world = world
        self._purchase = purchase
        self._rng = world.rng
        self._number = 0

    @property
    def _who(self) -> str:
        return f"packer of {self._purchase.order.order_id}"

    async def work(self) -> None:
        """Wait until the order is released and its money captured, then pack it."""
        for _ in range(_LOOKS):
            await asyncio.sleep(self._rng.uniform(0.1, 1.0) * _LOOKS_EVERY_S)
            order = await self._world.office.find_order(self._purchase.order.order_id)
            if order is None or order.state is OrderState.CANCELED:
                return
            if order.state is OrderState.RELEASED and await self._packed(order):
                return

    async def _packed(self, order: DraftOrder) -> bool:
        """Pack a released order; False if its money is not captured yet."""
        try:
            payment = await self._world.ask(
                self._who, lambda gateway: gateway.payments.get(order.payment_id)
            )
        except GaveUpError:
            return False
        if self._rng.random() < 0.1:
            # Too early, or not: the gateway knows whether there is an invoice.
            await self._report(self._parcel(order, 1, payment.currency))
        if not payment.captured_minor:
            if self._rng.random() < 0.1:
                await self._report(self._invoice(order, 1, payment.currency))
            return False
        self._world.say(f"{self._who}: packs {payment.id} of {payment.captured_minor}")
        await self._pack(order, payment)
        return True

    async def _pack(self, order: DraftOrder, payment: Payment) -> None:
        captured = payment.captured_minor
        if self._rng.random() < 0.15:
            await self._report(self._invoice(order, captured + 1, payment.currency))
        for part in self._parts(captured, 2):
            await self._report(self._invoice(order, part, payment.currency))
        parcels = self._parts(captured, 3)
        if self._rng.random() < _SHIPS_NOT_ALL:
            parcels = parcels[:-1]
        for part in parcels:
            await asyncio.sleep(self._rng.uniform(1, HOUR_S))
            await self._report(self._parcel(order, part, payment.currency))

    def _parts(self, minor: int, most: int) -> list[int]:
        """Cut a sum into some parts, each above nothing."""
        count = self._rng.randint(2, most) if self._rng.random() < _IN_PARTS else 1
        part = minor // count
        return [part] * (count - 1) + [minor - part * (count - 1)] if part else [minor]

    def _invoice(self, order: DraftOrder, minor: int, currency: str) -> ReportInvoicedCommand:
        named = ""
        if not order.customer_id and self._rng.random() < 0.5:
            # A guest has no account unless one is named; all invoices name the same.
            named = self._world.ledger.accounts.setdefault(
                order.order_id, f"guest-of-{order.order_id}"
            )
        self._number += 1
        name = f"I-{order.order_id}-{self._number}"
        named = self._world.ledger.accounts.get(order.order_id, named)
        return ReportInvoicedCommand(
            self._key(name), order.order_id, name, Money(minor, currency), named
        )

    def _parcel(self, order: DraftOrder, minor: int, currency: str) -> ReportParcelCommand:
        self._number += 1
        name = f"P-{order.order_id}-{self._number}"
        return ReportParcelCommand(self._key(name), order.order_id, name, Money(minor, currency))

    def _key(self, name: str) -> RequestKey:
        return RequestKey("orders", name[0], f"{name}-{self._rng.random()}")

    async def _report(self, command: ReportCommand) -> None:
        """Report until it is answered, some twice at once and some once more later."""
        ledger, key = self._world.ledger, command.posting_key
        again = replace(command, key=self._key(key.rpartition(":")[2]))
        told = [self._told(command)]
        if self._rng.random() < 0.15:
            told.append(self._told(again))
        answers = await asyncio.gather(*told)
        if self._rng.random() < 0.1:
            answers.append(await self._told(again))
        if "written" in answers:
            ledger.reports[key] = self._written(command)
        elif "" in answers:
            ledger.unsure.add(key)

    async def _told(self, command: ReportCommand) -> str:
        for _ in range(_MOST_REPEATS):
            try:
                await self._world.ask(
                    f"{self._who} ({command.posting_key} {command.amount})",
                    _reporting(command),
                    hurried=True,
                )
            except GaveUpError:
                continue
            except PaygateError as refusal:
                self._world.say(f"{self._who}: {command.posting_key}: {refusal.reason} {refusal}")
                return "refused"
            return "written"
        return ""

    def _written(self, command: ReportCommand) -> Report:
        is_invoice = isinstance(command, ReportInvoicedCommand)
        minor, order = command.amount.amount_minor, self._purchase.order
        customer = order.customer_id or self._world.ledger.accounts.get(order.order_id, "")
        signed = minor if is_invoice else -minor
        return Report(
            command.posting_key, order.order_id, customer, signed, command.amount.currency
        )


def _reporting(command: ReportCommand) -> Callable[[Any], Awaitable[object]]:
    if isinstance(command, ReportInvoicedCommand):
        return lambda gateway: gateway.accounts.report_invoiced(command, None)
    return lambda gateway: gateway.accounts.report_parcel(command, None)
