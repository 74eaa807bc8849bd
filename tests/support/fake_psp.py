"""A PSP in memory: the whole port, keys that are remembered, and failures on demand."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from gateway.clock import Clock, system_clock
from psp.errors import InvalidEventError, NotFoundError, RejectedError
from psp.port import (
    AliasSetup,
    CancelPayment,
    Capability,
    CapturePayment,
    CapturePolicy,
    CreatePayment,
    CustomerProfile,
    FailureCategory,
    NextAction,
    NextActionKind,
    PaymentMethod,
    PspAlias,
    PspEvent,
    PspEventSubject,
    PspFailure,
    PspPayment,
    PspRefund,
    PspStatus,
    RefundPayment,
    RefundStatus,
    ReviewStatus,
)
from psp.settlements import SettlementEntry, SettlementPeriod, SettlementReport
from tests.support.fake_books import FakeBooks

T = TypeVar("T")
SIGNATURE: Final = "Fake-Signature"
GOOD_SIGNATURE: Final = "signed"
AUTHORIZATION_WINDOW: Final = timedelta(days=7)
DECLINED: Final = PspFailure(
    FailureCategory.DECLINED, "card_declined", "The card was declined.", retryable=True
)
REFUND_FAILED: Final = PspFailure(
    FailureCategory.PROCESSING_ERROR,
    "lost_or_stolen_card",
    "The card was lost, and the money came back.",
    retryable=True,
)
_CANCELABLE: Final = frozenset(
    {PspStatus.AWAITING_CUSTOMER, PspStatus.PROCESSING, PspStatus.AUTHORIZED}
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it arrived, answered or not."""

    method: str
    argument: object
    key: str = ""
    """The idempotency key; empty for reads."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException
    acted: bool


class Gate:
    """Holds a call: `await gate.reached()` until it has come, then `gate.open()`."""

    def __init__(self) -> None:
        self._came, self._opened = asyncio.Event(), asyncio.Event()

    async def reached(self) -> None:
        """Wait until the call stands at the gate."""
        await self._came.wait()

    def open(self) -> None:
        """Let the call through."""
        self._opened.set()

    async def pass_through(self) -> None:
        """Be held."""
        self._came.set()
        await self._opened.wait()


@dataclass
class FakePsp:
    """One account. `fail` and `hold` say how the next calls go; the rest is its memory."""

    account: str = "stripe_eu"
    capabilities: frozenset[Capability] = frozenset(Capability)
    idempotency_lifetime_s: float = timedelta(hours=23).total_seconds()
    clock: Clock = system_clock
    customers: dict[str, CustomerProfile] = field(default_factory=dict)
    aliases: dict[str, list[PspAlias]] = field(default_factory=dict)
    """By the PSP's id of the customer."""
    payments: dict[str, PspPayment] = field(default_factory=dict)
    refunds: dict[str, PspRefund] = field(default_factory=dict)
    """By the PSP's id of the refund, the oldest first."""
    reviews: dict[str, ReviewStatus] = field(default_factory=dict)
    """By the PSP's id of the review; kept when the payment does not name it any more."""
    events: dict[str, PspEvent] = field(default_factory=dict)
    """What was told by `webhook`, by event id, delivered or not."""
    refund_status: RefundStatus = RefundStatus.SUCCEEDED
    """Where the next refunds stand when they are answered."""
    keeps_refund_ids: bool = True
    """False for a PSP that holds no reference of ours for a refund, and tells a repeated one only
    by `RefundPayment.known_references`."""
    calls: list[Call] = field(default_factory=list)
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.books = FakeBooks(self.account)
        """What it tells in reports: a line for each capture and refund, and what a test adds."""
        self._failures: dict[str, deque[_Failure]] = defaultdict(deque)
        self._gates: dict[str, deque[Gate]] = defaultdict(deque)
        self._answers: dict[str, tuple[str, object, object, datetime]] = {}
        self._created: dict[str, tuple[CreatePayment, datetime]] = {}
        self._numbers: dict[str, int] = defaultdict(int)

    # ------------------------------------------------------------ how the next calls go

    def fail(
        self, method: str, error: BaseException, *, acted: bool = False, times: int = 1
    ) -> None:
        """Answer the next calls of `method` with `error`; with `acted`, after doing the work."""
        self._failures[method].extend([_Failure(error, acted)] * times)

    def hold(self, method: str) -> Gate:
        """Hold the next call of `method` before it acts, until the gate is opened."""
        gate = Gate()
        self._gates[method].append(gate)
        return gate

    def calls_of(self, *methods: str) -> list[Call]:
        """Return the calls of these methods, in order."""
        return [call for call in self.calls if call.method in methods]

    # ------------------------------------------------------------ what happens at the PSP

    def add_alias(self, psp_customer: str, psp_alias: str, **changes: Any) -> PspAlias:
        """Save a Visa card for a customer."""
        card = PspAlias(psp_alias, PaymentMethod.CARD, "visa", "4242", 12, 2030)
        alias = replace(card, **changes)
        self.aliases.setdefault(psp_customer, []).append(alias)
        return alias

    def confirm(self, psp_reference: str) -> PspPayment:
        """Let the shopper confirm a payment: it is authorised, or captured by its policy."""
        request, _ = self._created[psp_reference]
        return self._keep(self._confirmed(self._known(psp_reference), request))

    def decline(self, psp_reference: str, failure: PspFailure = DECLINED) -> PspPayment:
        """Decline the shopper's attempt; she may try again."""
        awaiting = PspStatus.AWAITING_CUSTOMER
        return self.change(
            psp_reference, status=awaiting, raw_status=awaiting.value, failure=failure
        )

    def review(self, psp_reference: str, review: ReviewStatus) -> PspPayment:
        """Open or close a fraud review."""
        reference = self._known(psp_reference).review_reference or self._number("prv")
        self.reviews[reference] = review
        return self.change(psp_reference, review=review, review_reference=reference)

    def settle_refund(self, refund_reference: str) -> PspRefund:
        """Let a refund that was pending succeed."""
        return self.change_refund(refund_reference, RefundStatus.SUCCEEDED)

    def fail_refund(self, refund_reference: str, failure: PspFailure = REFUND_FAILED) -> PspRefund:
        """Let a refund fail, also one that had succeeded: the payment counts it no longer."""
        return self.change_refund(refund_reference, RefundStatus.FAILED, failure)

    def change_refund(
        self, refund_reference: str, status: RefundStatus, failure: PspFailure | None = None
    ) -> PspRefund:
        """Change what the PSP says of a refund; the payment's sum of refunds follows."""
        before = self.refunds[refund_reference]
        after = replace(before, status=status, raw_status=status.value, failure=failure)
        if before.status is not RefundStatus.FAILED and status is RefundStatus.FAILED:
            self.books.refund_failure(after, self.clock())
        refunded = self._known(after.payment_reference).refunded_minor
        self.change(
            after.payment_reference, refunded_minor=refunded - _given(before) + _given(after)
        )
        self.refunds[refund_reference] = after
        return after

    def change(self, psp_reference: str, **changes: Any) -> PspPayment:
        """Change what the PSP says of a payment, in any way."""
        return self._keep(replace(self._known(psp_reference), **changes))

    def webhook(
        self, psp_reference: str, *, event_id: str = "evt_1", event_type: str = "payment.changed"
    ) -> tuple[Mapping[str, str], bytes]:
        """Return headers and body of an event about a payment; `list_events` shows it from now."""
        event = {
            "id": event_id,
            "type": event_type,
            "psp_reference": psp_reference,
            "payment_id": self._known(psp_reference).payment_id,
            "occurred": self.clock().timestamp(),
        }
        self.events[event_id] = _event(event)
        return {SIGNATURE: GOOD_SIGNATURE}, json.dumps(event).encode()

    # ------------------------------------------------------------ the port

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        def act() -> str:
            reference = self._number("cus")
            self.customers[reference] = profile
            return reference

        return await self._change("create_customer", profile, idempotency_key, act)

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        def act() -> None:
            self._require_customer(psp_customer)
            self.customers[psp_customer] = profile

        await self._change("update_customer", (psp_customer, profile), idempotency_key, act)

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        def read() -> tuple[PspAlias, ...]:
            self._require_customer(psp_customer)
            return tuple(self.aliases.get(psp_customer, ()))

        return await self._call("list_aliases", psp_customer, read)

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        def act() -> AliasSetup:
            self._require_customer(psp_customer)
            reference = self._number("seti")
            action = NextAction(NextActionKind.CONFIRM, client_secret=f"{reference}_secret")
            return AliasSetup(reference, action)

        asked = (psp_customer, method, return_url)
        return await self._change("start_alias_setup", asked, idempotency_key, act)

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        def act() -> None:
            self._require_alias(psp_customer, psp_alias)
            self.aliases[psp_customer] = [
                replace(alias, is_default=alias.psp_alias == psp_alias)
                for alias in self.aliases[psp_customer]
            ]

        await self._change("set_default_alias", (psp_customer, psp_alias), idempotency_key, act)

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        def act() -> None:
            saved = self.aliases.get(psp_customer, [])
            self.aliases[psp_customer] = [each for each in saved if each.psp_alias != psp_alias]

        await self._change("delete_alias", (psp_customer, psp_alias), idempotency_key, act)

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        def act() -> PspPayment:
            if request.psp_customer:
                self._require_customer(request.psp_customer)
            reference = self._number("pi")
            self._created[reference] = (request, self.clock())
            created = _created(reference, request)
            return self._keep(self._confirmed(created, request) if request.psp_alias else created)

        return await self._change("create_payment", request, request.idempotency_key, act)

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        return await self._call(
            "retrieve_payment", psp_reference, lambda: self._known(psp_reference)
        )

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        return (await self.retrieve_payment(psp_reference)).next_action

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        def read() -> PspPayment | None:
            for reference, (request, created) in self._created.items():
                if request.payment_id == payment_id and created_after <= created <= created_before:
                    return self.payments[reference]
            return None

        return await self._call("find_payment", payment_id, read)

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        def act() -> PspPayment:
            known = self._require_status(request.psp_reference, {PspStatus.AUTHORIZED})
            if request.amount.amount_minor > known.authorized_minor:
                raise RejectedError(self.account, "more than is authorised", "amount_too_large")
            captured = PspStatus.CAPTURED
            return self.change(
                request.psp_reference,
                status=captured,
                raw_status=captured.value,
                captured_minor=request.amount.amount_minor,
            )

        return await self._change("capture_payment", request, request.idempotency_key, act)

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        def act() -> PspPayment:
            self._require_status(request.psp_reference, _CANCELABLE)
            canceled = PspStatus.CANCELED
            return self.change(
                request.psp_reference,
                status=canceled,
                raw_status=canceled.value,
                next_action=None,
            )

        return await self._change("cancel_payment", request, request.idempotency_key, act)

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        def act() -> PspRefund:
            known = self._require_status(request.psp_reference, {PspStatus.CAPTURED})
            repeated = None if self.keeps_refund_ids else self._done_already(request)
            if repeated is not None:
                return repeated
            left = known.captured_minor - known.refunded_minor
            if request.amount.currency != known.currency or request.amount.amount_minor > left:
                raise RejectedError(self.account, "more than is left", "charge_already_refunded")
            return self._refunded(request)

        return await self._change("refund_payment", request, request.idempotency_key, act)

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        def read() -> tuple[PspRefund, ...]:
            self._known(psp_reference)
            return self._refunds_of(psp_reference)

        return await self._call("list_refunds", psp_reference, read)

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        def read() -> ReviewStatus:
            if review_reference not in self.reviews:
                raise NotFoundError(self.account, f"no review {review_reference}", "no_review")
            return self.reviews[review_reference]

        return await self._call("retrieve_review", review_reference, read)

    async def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        def read() -> list[PspEvent]:
            told = (event for event in self.events.values() if event.occurred_time >= since)
            return sorted(told, key=lambda event: event.occurred_time)

        for event in await self._call("list_events", since, read):
            yield event

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        return await self._call(
            "start_settlement_report",
            period,
            lambda: self.books.start(period, idempotency_key),
            idempotency_key,
        )

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        return await self._call(
            "retrieve_settlement_report", reference, lambda: self.books.retrieve(reference)
        )

    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        read = await self._call("settlement_entries", reference, lambda: self.books.read(reference))
        for entry in read:
            yield entry

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        if headers.get(SIGNATURE) != GOOD_SIGNATURE:
            raise InvalidEventError("the signature is not this account's")
        try:
            event = json.loads(body)
        except ValueError as error:
            raise InvalidEventError("the body is not JSON") from error
        return _event(event)

    async def close(self) -> None:
        self.is_closed = True

    # ------------------------------------------------------------ inside

    async def _change(self, method: str, argument: object, key: str, act: Callable[[], T]) -> T:
        """Act once under a key, as PSPs with idempotency keys do."""

        def act_once() -> T:
            remembered = self._answers.get(key)
            if remembered is None or not self._lives(remembered[3]):
                answer: T = act()
                self._answers[key] = (method, argument, answer, self.clock())
                return answer
            if remembered[:2] != (method, argument):
                raise RejectedError(self.account, "the key was used otherwise", "idempotency_error")
            return remembered[2]  # type: ignore[return-value] # the same method answered it

        return await self._call(method, argument, act_once, key)

    async def _call(self, method: str, argument: object, act: Callable[[], T], key: str = "") -> T:
        self.calls.append(Call(method, argument, key))
        if self._gates[method]:
            await self._gates[method].popleft().pass_through()
        failures = self._failures[method]
        failure = failures.popleft() if failures else None
        if failure is None:
            return act()
        if failure.acted:
            act()
        raise failure.error

    def _lives(self, since: datetime) -> bool:
        return self.clock() < since + timedelta(seconds=self.idempotency_lifetime_s)

    def _number(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}_{self.account}_{self._numbers[kind]}"

    def _require_customer(self, psp_customer: str) -> None:
        if psp_customer not in self.customers:
            raise NotFoundError(self.account, f"no customer {psp_customer}", "resource_missing")

    def _require_alias(self, psp_customer: str, psp_alias: str) -> None:
        if all(each.psp_alias != psp_alias for each in self.aliases.get(psp_customer, ())):
            raise RejectedError(self.account, f"no alias {psp_alias}", "resource_missing")

    def _known(self, psp_reference: str) -> PspPayment:
        if psp_reference not in self.payments:
            raise NotFoundError(self.account, f"no payment {psp_reference}", "resource_missing")
        return self.payments[psp_reference]

    def _require_status(self, psp_reference: str, wanted: Iterable[PspStatus]) -> PspPayment:
        known = self._known(psp_reference)
        if known.status not in wanted:
            raise RejectedError(self.account, f"it is {known.status}", "unexpected_state")
        return known

    def _refunds_of(self, psp_reference: str) -> tuple[PspRefund, ...]:
        every = self.refunds.values()
        return tuple(each for each in every if each.payment_reference == psp_reference)

    def _done_already(self, request: RefundPayment) -> PspRefund | None:
        for each in self._refunds_of(request.psp_reference):
            is_other = each.psp_reference in request.known_references
            if each.amount_minor == request.amount.amount_minor and not is_other:
                return each
        return None

    def _refunded(self, request: RefundPayment) -> PspRefund:
        failed = self.refund_status is RefundStatus.FAILED
        refund = PspRefund(
            psp_reference=self._number("re"),
            payment_reference=request.psp_reference,
            status=self.refund_status,
            raw_status=self.refund_status.value,
            currency=request.amount.currency,
            amount_minor=request.amount.amount_minor,
            refund_id=request.refund_id if self.keeps_refund_ids else "",
            failure=REFUND_FAILED if failed else None,
        )
        self.refunds[refund.psp_reference] = refund
        if not failed:
            self.books.refund(refund, self.clock())
        refunded = self._known(request.psp_reference).refunded_minor
        self.change(request.psp_reference, refunded_minor=refunded + _given(refund))
        return refund

    def _keep(self, payment: PspPayment) -> PspPayment:
        before = self.payments.get(payment.psp_reference)
        taken_minor = payment.captured_minor - (before.captured_minor if before else 0)
        if taken_minor > 0:
            self.books.charge(payment, taken_minor, self.clock())
        self.payments[payment.psp_reference] = payment
        return payment

    def _confirmed(self, payment: PspPayment, request: CreatePayment) -> PspPayment:
        at_once = request.capture_policy is CapturePolicy.AUTOMATIC
        status = PspStatus.CAPTURED if at_once else PspStatus.AUTHORIZED
        return replace(
            payment,
            status=status,
            raw_status=status.value,
            authorized_minor=payment.amount_minor,
            captured_minor=payment.amount_minor if at_once else 0,
            failure=None,
            next_action=None,
            capture_before=None if at_once else self.clock() + AUTHORIZATION_WINDOW,
        )


def _created(reference: str, request: CreatePayment) -> PspPayment:
    awaiting = PspStatus.AWAITING_CUSTOMER
    secret = f"{reference}_secret"
    redirects = request.method is PaymentMethod.PAYPAL
    return PspPayment(
        psp_reference=reference,
        status=awaiting,
        raw_status=awaiting.value,
        currency=request.amount.currency,
        amount_minor=request.amount.amount_minor,
        payment_id=request.payment_id,
        next_action=NextAction(NextActionKind.REDIRECT, url=f"https://psp.test/{reference}")
        if redirects
        else NextAction(NextActionKind.CONFIRM, client_secret=secret),
    )


def _given(refund: PspRefund) -> int:
    """Return what the payment counts as given back by a refund."""
    return 0 if refund.status is RefundStatus.FAILED else refund.amount_minor


def _event(event: Mapping[str, Any]) -> PspEvent:
    return PspEvent(
        event_id=event["id"],
        event_type=event["type"],
        subject=PspEventSubject.PAYMENT if event["psp_reference"] else PspEventSubject.OTHER,
        psp_reference=event["psp_reference"],
        payment_id=event["payment_id"],
        occurred_time=datetime.fromtimestamp(event["occurred"], UTC),
    )
