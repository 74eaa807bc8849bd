"""The bench of Stripe: our adapter, its sandbox, and a shopper with Stripe.js."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import aiohttp
from pydantic import SecretStr

from psp.conformance import Books, Card, Silenced, Webhook
from psp.port import NextAction, PspRefund, ReviewStatus
from psp.stripe.config import SettlementSource, StripeAccountConfig
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox, running_sandbox
from psp.stripe.sandbox.api_errors import ApiError
from tests.conformance.benches.receiving import Receiver, receiving
from tests.unit.psp.stripe.support import account_config

_CARDS: Final[Mapping[Card, str]] = MappingProxyType(
    {
        Card.SUCCEEDS: "pm_card_visa",
        Card.DECLINED: "pm_card_visa_chargeDeclinedInsufficientFunds",
        Card.THREE_D_SECURE: "pm_card_authenticationRequired",
        Card.THREE_D_SECURE_REFUSED: "pm_card_authenticationRequired",
        Card.UNCERTAIN: "pm_card_visa",
        Card.REVIEWED: "pm_card_riskLevelElevated",
        Card.REFUNDED_LATER: "pm_card_pendingRefund",
    }
)
_BANK: Final[Mapping[Card, str]] = MappingProxyType(
    {Card.THREE_D_SECURE: "succeed", Card.THREE_D_SECURE_REFUSED: "fail"}
)
_PATHS: Final[Mapping[Silenced, str]] = MappingProxyType(
    {
        Silenced.CREATE: "/payment_intents",
        Silenced.CAPTURE: "/capture",
        Silenced.CANCEL: "/cancel",
        Silenced.REFUND: "/refunds",
    }
)
_CLOSED: Final[Mapping[ReviewStatus, str]] = MappingProxyType(
    {ReviewStatus.APPROVED: "approved", ReviewStatus.REJECTED: "refunded_as_fraud"}
)
_GIVES_BACK: Final = frozenset({"pending", "succeeded"})
_UNHEARD_OF: Final = "requires_reauthorization"
"""A status that Stripe's error texts name and its documentation of PaymentIntents does not."""
_DAY_AND_REPORT_S: Final = 1.5 * 86_400
"""Stripe has the report of a day half a day after its end."""
_UNHEARD_OF_REFUND: Final = "under_consideration"
"""A status that is none of Stripe's."""


class StripeBench:
    """See `psp.conformance.Bench`."""

    keeps_refund_ids = True

    def __init__(
        self,
        sandbox: StripeSandbox,
        session: aiohttp.ClientSession,
        receiver: Receiver,
        config: StripeAccountConfig,
        provider_class: type[StripeProvider],
    ) -> None:
        self.provider = provider_class("stripe_fr", config, session)
        self.secrets = (
            config.api_key.get_secret_value(),
            *(secret.get_secret_value() for secret in config.webhook_secrets),
        )
        self._sandbox = sandbox
        self._session = session
        self._receiver = receiver
        self._uncertain: list[str] = []
        self._advanced_s = 0.0

    def saved_card(self, card: Card) -> str:
        return _CARDS[card]

    async def pay(self, step: NextAction, card: Card = Card.SUCCEEDS) -> None:
        secret = step.client_secret
        # Stripe.js tells the page of a decline; the shop hears of it from Stripe.
        with suppress(ApiError):
            self._sandbox.browser_confirm(secret, _CARDS[card])
        if card in _BANK:
            self._sandbox.browser_authenticate(secret, _BANK[card])
        if card is Card.UNCERTAIN:
            intent, _, _ = secret.partition("_secret_")
            self._uncertain.append(intent)
            self._sandbox.force_status(intent, _UNHEARD_OF)

    async def events(self, *, copies: int = 1, backwards: bool = False) -> tuple[Webhook, ...]:
        self._sandbox.webhooks.release(["reversed"] if backwards else [], copies)
        await self._sandbox.settle()
        self._sandbox.webhooks.hold()
        return self._receiver.take()

    def silence(self, what: Silenced) -> None:
        self._sandbox.inject("drop_after", method="POST", path_suffix=_PATHS[what])

    async def settle_offline(self) -> None:
        self._advance(1)
        # Payments are carried out at once: only what we made uncertain is left, and refunds.
        while self._uncertain:
            self._sandbox.force_status(self._uncertain.pop(), "requires_capture")
        for intent in self._intents():
            for refund in intent["refunds"]:
                if refund["status"] == "pending":
                    self._sandbox.force_refund(refund["id"], "succeeded")

    async def fail_refund(self, refund: PspRefund) -> None:
        self._sandbox.force_refund(refund.psp_reference, "failed", "lost_or_stolen_card")

    async def doubt_refund(self, refund: PspRefund) -> None:
        self._sandbox.force_refund(refund.psp_reference, _UNHEARD_OF_REFUND)

    async def close_review(self, review_reference: str, status: ReviewStatus) -> None:
        # It is not documented whether the payment goes on to name it: the harder of the two.
        self._sandbox.set_circumstances(closed_review_leaves="payment_intent_and_charge")
        self._sandbox.close_review(review_reference, _CLOSED[status])

    def today(self) -> date:
        return (datetime.now(UTC) + timedelta(seconds=self._advanced_s)).date()

    async def end_day(self) -> None:
        self._advance(_DAY_AND_REPORT_S)

    def cut_report(self) -> None:
        self._sandbox.drift("truncated")

    def _advance(self, seconds: float) -> None:
        self._advanced_s += seconds
        self._sandbox.advance_clock(seconds)

    def books(self, payment_id: str) -> Books:
        intents = [
            intent
            for intent in self._intents()
            if intent["metadata"].get("paygate_payment_id") == payment_id
        ]
        statuses = [refund["status"] for intent in intents for refund in intent["refunds"]]
        return Books(
            authorizations=sum(intent["successful_charges"] for intent in intents),
            captures=sum(intent["captures"] for intent in intents),
            # The sandbox's sum is what is left of it.
            taken_minor=sum(intent["taken"] + intent["refunded"] for intent in intents),
            refunds=sum(status in _GIVES_BACK for status in statuses),
            refunded_minor=sum(intent["refunded"] for intent in intents),
        )

    def _intents(self) -> list[dict[str, Any]]:
        return [
            intent
            for account in self._sandbox.books()
            for intent in account["payment_intents"]  # type: ignore[attr-defined]  # JSON
        ]

    def wrong_credentials(self) -> StripeProvider:
        config = _config(
            self._sandbox,
            api_key=SecretStr("sk_test_not-a-key"),
            webhook_secrets=(SecretStr("whsec_of_another"),),
        )
        return StripeProvider("stripe_fr", config, self._session)


def _config(sandbox: StripeSandbox, **changes: object) -> StripeAccountConfig:
    return account_config(
        api_base=sandbox.address,
        files_base=sandbox.address,
        settlement_source=SettlementSource.REPORT_RUNS,
        max_network_retries=0,
        **changes,
    )


@asynccontextmanager
async def stripe_bench(
    provider_class: type[StripeProvider] = StripeProvider,
) -> AsyncIterator[StripeBench]:
    """Run a sandbox, and the adapter before it."""
    async with (
        running_sandbox(webhook_retry_gaps_s=()) as sandbox,
        receiving() as receiver,
        aiohttp.ClientSession() as session,
    ):
        config = _config(sandbox)
        sandbox.register_webhook(receiver.url, config.webhook_secrets[0].get_secret_value())
        sandbox.webhooks.hold()
        yield StripeBench(sandbox, session, receiver, config, provider_class)
