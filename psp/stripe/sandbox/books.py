"""One account's books: its objects, its events, and how they are found."""

from __future__ import annotations

from psp.stripe.sandbox.api_errors import JsonDict, missing
from psp.stripe.sandbox.balance_rendering import render_dispute, render_payout
from psp.stripe.sandbox.model import (
    BalanceTransaction,
    Charge,
    Customer,
    Dispute,
    Event,
    PaymentIntent,
    PaymentMethod,
    Payout,
    Refund,
    ReportRun,
    Review,
    SetupIntent,
)
from psp.stripe.sandbox.rendering import (
    render_charge,
    render_customer,
    render_payment_intent,
    render_payment_method,
    render_refund,
    render_review,
)
from psp.stripe.sandbox.world import World


class Books:
    """What one account holds. Dictionaries keep the order of creation."""

    def __init__(self, account: str, world: World) -> None:
        self.account = account
        self.world = world
        self.customers: dict[str, Customer] = {}
        self.payment_methods: dict[str, PaymentMethod] = {}
        self.payment_intents: dict[str, PaymentIntent] = {}
        self.setup_intents: dict[str, SetupIntent] = {}
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, Refund] = {}
        self.reviews: dict[str, Review] = {}
        self.disputes: dict[str, Dispute] = {}
        self.payouts: dict[str, Payout] = {}
        self.balance: dict[str, BalanceTransaction] = {}
        """What moved the balance, truly."""
        self.report_runs: dict[str, ReportRun] = {}
        self.events: dict[str, Event] = {}
        self.held_until: dict[str, int] = {}
        """When each authorisation lapses, by PaymentIntent."""
        self.unsettled: list[Charge] = []
        """Captured, and still without the balance transaction that automatic_async brings."""

    def now(self) -> int:
        """Return the Unix time in the books."""
        return self.world.clock.seconds()

    def new_id(self, prefix: str) -> str:
        """Return an id that nothing else has."""
        return self.world.ids.new(prefix)

    def customer(self, customer_id: str, param: str = "id", *, in_path: bool = True) -> Customer:
        """Return a customer; raises `ApiError`."""
        if customer_id not in self.customers:
            raise missing("customer", customer_id, param, in_path=in_path)
        return self.customers[customer_id]

    def payment_intent(self, intent_id: str) -> PaymentIntent:
        """Return a PaymentIntent; raises `ApiError`."""
        if intent_id not in self.payment_intents:
            raise missing("payment_intent", intent_id, "intent", in_path=True)
        return self.payment_intents[intent_id]

    def setup_intent(self, setup_id: str) -> SetupIntent:
        """Return a SetupIntent; raises `ApiError`."""
        if setup_id not in self.setup_intents:
            raise missing("setup_intent", setup_id, "intent", in_path=True)
        return self.setup_intents[setup_id]

    def charge(self, charge_id: str) -> Charge:
        """Return a charge; raises `ApiError`."""
        if charge_id not in self.charges:
            raise missing("charge", charge_id, "id", in_path=True)
        return self.charges[charge_id]

    def refund(self, refund_id: str) -> Refund:
        """Return a refund; raises `ApiError`."""
        if refund_id not in self.refunds:
            raise missing("refund", refund_id, "refund", in_path=True)
        return self.refunds[refund_id]

    def refunds_of(self, intent_id: str) -> list[Refund]:
        """Return a PaymentIntent's refunds, the oldest first."""
        return [made for made in self.refunds.values() if made.payment_intent == intent_id]

    def review(self, review_id: str) -> Review:
        """Return a review; raises `ApiError`."""
        if review_id not in self.reviews:
            raise missing("review", review_id, "review", in_path=True)
        return self.reviews[review_id]

    def event(self, event_id: str) -> Event:
        """Return an event; raises `ApiError`."""
        if event_id not in self.events:
            raise missing("event", event_id, "id", in_path=True)
        return self.events[event_id]

    def latest_charge(self, intent: PaymentIntent) -> Charge:
        """Return the charge of a PaymentIntent that has one."""
        return self.charge(intent.latest_charge or "")

    def rendered(self, object_id: str) -> JsonDict:
        """Return the JSON of whatever has this id."""
        if object_id in self.customers:
            return render_customer(self.customers[object_id])
        if object_id in self.payment_methods:
            return render_payment_method(self.payment_methods[object_id])
        if object_id in self.payment_intents:
            return render_payment_intent(self.payment_intents[object_id])
        if object_id in self.reviews:
            return render_review(self.reviews[object_id])
        return self._rendered_source(object_id)

    def _rendered_source(self, object_id: str) -> JsonDict:
        """Return the JSON of what a balance transaction can come from."""
        if object_id in self.refunds:
            return render_refund(self.refunds[object_id])
        if object_id in self.disputes:
            return render_dispute(self.disputes[object_id])
        if object_id in self.payouts:
            return render_payout(self.payouts[object_id])
        return render_charge(self.charge(object_id))

    def emit(self, event_type: str, subject: JsonDict) -> None:
        """Record an event and have it delivered."""
        cause = self.world.cause
        listener = self.world.listener
        event = Event(
            id=self.new_id("evt"),
            created=self.now(),
            type=event_type,
            subject=subject,
            request={"id": cause.request_id, "idempotency_key": cause.idempotency_key},
            pending_webhooks=listener.interested(self.account, event_type),
        )
        self.events[event.id] = event
        listener.publish(self.account, event)

    def emit_intent(self, event_type: str, intent: PaymentIntent) -> None:
        """Emit an event about a PaymentIntent as it now is."""
        self.emit(event_type, render_payment_intent(intent))

    def emit_charge(self, event_type: str, charge: Charge) -> None:
        """Emit an event about a charge as it now is."""
        self.emit(event_type, render_charge(charge))

    def emit_refund(self, event_type: str, refund: Refund) -> None:
        """Emit an event about a refund as it now is."""
        self.emit(event_type, render_refund(refund))
