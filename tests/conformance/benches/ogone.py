"""The bench of Ogone: our adapter, its sandbox, and a shopper on the hosted page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

import aiohttp
from pydantic import SecretStr

from gateway.sandboxed import register_at_ogone
from psp.conformance import Books, Card, Silenced, Webhook
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import OgoneSandbox, running_sandbox
from psp.port import NextAction, PspRefund, ReviewStatus
from tests.conformance.benches.receiving import Receiver, receiving
from tests.unit.psp.ogone.support import account_config

_CARDS: Final[Mapping[Card, str]] = MappingProxyType(
    {
        Card.SUCCEEDS: "4111111111111111",
        Card.DECLINED: "4000000000009995",
        Card.THREE_D_SECURE: "4000000000000002",
        Card.THREE_D_SECURE_REFUSED: "4000000000000002",
        Card.UNCERTAIN: "4000000000000341",
        # All are.
        Card.REFUNDED_LATER: "4111111111111111",
    }
)
_SAVED: Final = (Card.SUCCEEDS, Card.DECLINED)
_CHANGES: Final[Mapping[Silenced, tuple[str, str]]] = MappingProxyType(
    {
        Silenced.CREATE: ("orderdirect", ""),
        Silenced.CAPTURE: ("maintenancedirect", "SAS"),
        Silenced.CANCEL: ("maintenancedirect", "DES"),
        Silenced.REFUND: ("maintenancedirect", "RFD"),
    }
)
_WORKING_DAY_S: Final = 86_400.0 + 1
_DAY_S: Final = 86_400.0
_AUTHORISED: Final = frozenset({5, 9})
_REFUND_DECLINED: Final = 94
_REFUND_UNCERTAIN: Final = 82


class OgoneBench:
    """See `psp.conformance.Bench`."""

    keeps_refund_ids = False

    def __init__(
        self,
        sandbox: OgoneSandbox,
        session: aiohttp.ClientSession,
        receiver: Receiver,
        config: OgoneAccountConfig,
        provider_class: type[OgoneProvider],
    ) -> None:
        self.provider = provider_class("ogone_be", config, session, clock=sandbox.now)
        self.secrets = tuple(
            secret.get_secret_value()
            for secret in (
                config.password,
                config.sha_in_ecommerce,
                config.sha_in_directlink,
                *config.sha_out,
            )
        )
        self._sandbox = sandbox
        self._session = session
        self._receiver = receiver

    def saved_card(self, card: Card) -> str:
        return f"als_{card}"

    async def pay(self, step: NextAction, card: Card = Card.SUCCEEDS) -> None:
        bank = "refuse" if card is Card.THREE_D_SECURE_REFUSED else "confirm"
        await self._sandbox.pay(step.fields, _CARDS[card], url=step.url, bank=bank)

    async def events(self, *, copies: int = 1, backwards: bool = False) -> tuple[Webhook, ...]:
        self._sandbox.notifications.release(["reversed"] if backwards else [], copies)
        await self._sandbox.settle()
        self._sandbox.notifications.hold()
        return self._receiver.take()

    def silence(self, what: Silenced) -> None:
        path, operation = _CHANGES[what]
        self._sandbox.inject("drop_after", path=path, operation=operation)

    async def settle_offline(self) -> None:
        self._sandbox.advance_clock(_WORKING_DAY_S)

    async def fail_refund(self, refund: PspRefund) -> None:
        self._force(refund, _REFUND_DECLINED)

    async def doubt_refund(self, refund: PspRefund) -> None:
        self._force(refund, _REFUND_UNCERTAIN)

    async def close_review(self, review_reference: str, status: ReviewStatus) -> None:
        raise LookupError("Ogone tells nobody of its reviews")

    def today(self) -> date:
        return datetime.fromtimestamp(self._sandbox.now(), UTC).date()

    async def end_day(self) -> None:
        self._sandbox.advance_clock(_DAY_S)

    def cut_report(self) -> None:
        self._sandbox.drift("truncated")

    def books(self, payment_id: str) -> Books:
        payments = [
            payment
            for account in self._sandbox.books()
            for payment in account["payments"]  # type: ignore[attr-defined]  # JSON
            if payment["order_id"] == payment_id
        ]
        return Books(
            authorizations=sum(each["history"][0]["ends"] in _AUTHORISED for each in payments),
            captures=sum(each["captures"] for each in payments),
            taken_minor=sum(each["captured"] for each in payments),
            refunds=sum(each["refunds"] for each in payments),
            refunded_minor=sum(each["refunded"] for each in payments),
        )

    def _force(self, refund: PspRefund, status: int) -> None:
        payid, _, number = refund.psp_reference.partition("/")
        self._sandbox.force_status(payid, status, int(number))

    def wrong_credentials(self) -> OgoneProvider:
        config = _config(
            self._sandbox,
            password=SecretStr("not-the-password"),
            sha_out=(SecretStr("sha-out-of-another"),),
        )
        return OgoneProvider("ogone_be", config, self._session, clock=self._sandbox.now)


def _config(sandbox: OgoneSandbox, **changes: object) -> OgoneAccountConfig:
    base = f"{sandbox.address}/ncol/test"
    return account_config(api_base=base, page_base=base, max_query_retries=0, **changes)


@asynccontextmanager
async def ogone_bench(
    provider_class: type[OgoneProvider] = OgoneProvider,
) -> AsyncIterator[OgoneBench]:
    """Run a sandbox that knows the account and its aliases, and the adapter before it."""
    async with (
        running_sandbox(notification_retry_gaps_s=()) as sandbox,
        receiving() as receiver,
        aiohttp.ClientSession() as session,
    ):
        config = _config(sandbox)
        register_at_ogone(sandbox, config, receiver.url)
        for card in _SAVED:
            sandbox.add_alias(config.pspid, f"als_{card}", _CARDS[card])
        sandbox.notifications.hold()
        yield OgoneBench(sandbox, session, receiver, config, provider_class)
