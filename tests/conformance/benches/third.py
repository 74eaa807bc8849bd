"""The bench of the third PSP: the smallest that there can be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from types import MappingProxyType
from typing import Final

import aiohttp
from pydantic import SecretStr

from psp.conformance import Books, Card, Silenced, Webhook
from psp.port import NextAction, PspRefund, ReviewStatus
from tests.conformance.benches.receiving import Receiver, receiving
from tests.support.third_psp.config import ThirdAccountConfig
from tests.support.third_psp.provider import ThirdProvider
from tests.support.third_psp.sandbox import ThirdSandbox, running_third_sandbox

_REASONS: Final[Mapping[Card, str]] = MappingProxyType(
    {Card.DECLINED: "no_funds", Card.THREE_D_SECURE_REFUSED: "not_authenticated"}
)
_VERBS: Final[Mapping[Silenced, str]] = MappingProxyType(
    {
        Silenced.CREATE: "",
        Silenced.CAPTURE: "capture",
        Silenced.CANCEL: "cancel",
        Silenced.REFUND: "refund",
    }
)
_API_KEY: Final = "topsecret-key-of-the-third"
_WEBHOOK_SECRET: Final = "topsecret-webhooks-of-the-third"


class ThirdBench:
    """See `psp.conformance.Bench`."""

    keeps_refund_ids = False
    secrets = (_API_KEY, _WEBHOOK_SECRET)

    def __init__(
        self,
        sandbox: ThirdSandbox,
        session: aiohttp.ClientSession,
        receiver: Receiver,
        provider_class: type[ThirdProvider],
    ) -> None:
        self.provider = provider_class("third", _config(sandbox), session)
        self._sandbox = sandbox
        self._session = session
        self._receiver = receiver

    def saved_card(self, card: Card) -> str:
        return f"tok_{card}"

    async def pay(self, step: NextAction, card: Card = Card.SUCCEEDS) -> None:
        _, _, payment_id = step.url.rpartition("/")
        self._sandbox.pay(payment_id, _REASONS.get(card, ""), unsure=card is Card.UNCERTAIN)

    async def events(self, *, copies: int = 1, backwards: bool = False) -> tuple[Webhook, ...]:
        await self._sandbox.deliver(copies=copies, backwards=backwards)
        return self._receiver.take()

    def silence(self, what: Silenced) -> None:
        self._sandbox.lost = _VERBS[what]

    async def settle_offline(self) -> None:
        self._sandbox.decide()

    async def fail_refund(self, refund: PspRefund) -> None:
        self._move(refund, "returned")

    async def doubt_refund(self, refund: PspRefund) -> None:
        self._move(refund, "pondering")

    async def close_review(self, review_reference: str, status: ReviewStatus) -> None:
        raise LookupError("the third PSP has no reviews")

    def today(self) -> date:
        raise LookupError("the third PSP tells nobody of its books")

    async def end_day(self) -> None:
        raise LookupError("the third PSP tells nobody of its books")

    def cut_report(self) -> None:
        raise LookupError("the third PSP tells nobody of its books")

    def books(self, payment_id: str) -> Books:
        payment = self._sandbox.payments.get(payment_id)
        return Books(
            authorizations=self._sandbox.authorizations,
            captures=self._sandbox.captures,
            taken_minor=payment.captured if payment else 0,
            refunds=sum(each.state != "returned" for each in payment.refunds) if payment else 0,
            refunded_minor=payment.refunded if payment else 0,
        )

    def _move(self, refund: PspRefund, state: str) -> None:
        _, _, number = refund.psp_reference.rpartition("/")
        payment = self._sandbox.payments[refund.payment_reference]
        self._sandbox.move_refund(payment, int(number), state)

    def wrong_credentials(self) -> ThirdProvider:
        config = _config(self._sandbox, api_key="wrong", webhook_secret="wrong")
        return type(self.provider)("third", config, self._session)


def _config(
    sandbox: ThirdSandbox, api_key: str = _API_KEY, webhook_secret: str = _WEBHOOK_SECRET
) -> ThirdAccountConfig:
    return ThirdAccountConfig.model_construct(
        psp="third",
        api_key=SecretStr(api_key),
        webhook_secret=SecretStr(webhook_secret),
        api_base=sandbox.address,
        timeout_s=10.0,
    )


@asynccontextmanager
async def third_bench(
    provider_class: type[ThirdProvider] = ThirdProvider, *, captures_again: bool = False
) -> AsyncIterator[ThirdBench]:
    """Run a sandbox, and an adapter before it."""
    async with (
        receiving() as receiver,
        running_third_sandbox(_API_KEY, _WEBHOOK_SECRET, receiver.url) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        sandbox.captures_again = captures_again
        yield ThirdBench(sandbox, session, receiver, provider_class)
