"""The sandbox as an object: everything its control endpoints can do, called directly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from psp.stripe.sandbox.accounts import Accounts
from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.balance import Movement, book_by_hand, pay_out
from psp.stripe.sandbox.bookkeeping import dump
from psp.stripe.sandbox.browser import Browser
from psp.stripe.sandbox.drifting import OF_A_FILE, Drift, DriftKind
from psp.stripe.sandbox.edge import ApiEdge
from psp.stripe.sandbox.faults import Fault, FaultKind, Faults
from psp.stripe.sandbox.files import FilesEdge
from psp.stripe.sandbox.model import Review
from psp.stripe.sandbox.refunding import Wish, move_refund, refund_intent
from psp.stripe.sandbox.reporting import move_run
from psp.stripe.sandbox.reviewing import CLOSED_REASONS, close_review, open_review
from psp.stripe.sandbox.timekeeping import catch_up
from psp.stripe.sandbox.webhooks import RETRY_GAPS_S, Endpoint, Webhooks
from psp.stripe.sandbox.world import CLOSED_REVIEW_LEAVES, Circumstances, Clock, Ids, World


class StripeSandbox:
    """A Stripe of one's own. Ids are the same for the same seed and the same requests."""

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        seed: int = 1,
        webhook_retry_gaps_s: Sequence[float] = RETRY_GAPS_S,
    ) -> None:
        clock = Clock(now)
        self.webhooks = Webhooks(clock, webhook_retry_gaps_s)
        self._world = World(clock, Ids(seed), self.webhooks)
        self._accounts = Accounts(self._world)
        self._faults = Faults()
        self.api = ApiEdge(self._world, self._accounts, self._faults)
        self.files = FilesEdge(self._accounts, self._faults)
        self.browser = Browser(self._accounts)

    @property
    def address(self) -> str:
        """Where the sandbox listens: `http://127.0.0.1:port`."""
        return self._world.address

    @address.setter
    def address(self, address: str) -> None:
        self._world.address = address

    # ------------------------------------------------------------ faults
    def inject(self, kind: FaultKind | str, **where: object) -> None:
        """Add a fault; `where` holds fields of `Fault`. Raises `ValueError` or `TypeError`."""
        self._faults.inject(Fault(FaultKind(kind), **where))  # type: ignore[arg-type]  # fields by name

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self._faults.clear()

    # ------------------------------------------------------------ webhooks
    def register_webhook(
        self,
        url: str,
        secret: str,
        *,
        api_key: str | None = None,
        event_types: Sequence[str] = ("*",),
    ) -> str:
        """Send events to `url` from now on, those of the key's account or of all; return its id."""
        account = self._accounts.of_key(api_key).account if api_key else None
        endpoint = Endpoint(self._world.ids.new("we"), url, [secret], account, event_types)
        self.webhooks.endpoints[endpoint.id] = endpoint
        return endpoint.id

    def roll_secret(self, endpoint_id: str, secret: str) -> None:
        """Give an endpoint a new secret; the one before it goes on signing beside it."""
        endpoint = self._endpoint(endpoint_id)
        endpoint.secrets = [secret, endpoint.secrets[0]]

    def remove_webhook(self, endpoint_id: str) -> None:
        """Send no more events to an endpoint."""
        del self.webhooks.endpoints[self._endpoint(endpoint_id).id]

    async def settle(self) -> None:
        """Return once no webhook is on its way."""
        await self.webhooks.settle()

    # ------------------------------------------------------------ the shopper
    def browser_confirm(
        self, client_secret: str, payment_method: str | None = None, **more: str
    ) -> JsonDict:
        """See `Browser.confirm`."""
        return self.browser.confirm(client_secret, payment_method, **more)

    def browser_authenticate(self, client_secret: str, outcome: str = "succeed") -> JsonDict:
        """End 3-D Secure with `succeed` or `fail`; see `Browser.authenticate`."""
        return self.browser.authenticate(client_secret, succeeds=outcome == "succeed")

    def paypal(self, payment_intent: str, decision: str = "approve") -> str:
        """Decide on PayPal's page, `approve` or `cancel`; return where the shopper goes next."""
        return self.browser.decide_paypal(payment_intent, approves=decision == "approve")

    # ------------------------------------------------------------ what happens inside
    def force_status(self, payment_intent: str, status: str) -> None:
        """Put a PaymentIntent into any status, such as `requires_reauthorization`."""
        _, intent = self._accounts.of_intent(payment_intent)
        intent.status = status

    def force_amount(self, payment_intent: str, amount: int) -> None:
        """Let a PaymentIntent be of another amount than was asked for: books that drift apart."""
        _, intent = self._accounts.of_intent(payment_intent)
        intent.amount = amount

    def open_review(self, payment_intent: str) -> str:
        """Open a review by hand and return its id."""
        books, intent = self._accounts.of_intent(payment_intent)
        return open_review(books, intent).id

    def close_review(self, review_id: str, reason: str = "approved") -> None:
        """Close a review for one of Stripe's reasons; raises `ApiError`."""
        if reason not in CLOSED_REASONS:
            raise ApiError(400, f"closed_reason is one of {', '.join(sorted(CLOSED_REASONS))}")
        for books in self._accounts.all():
            review: Review | None = books.reviews.get(review_id)
            if review is not None and review.open:
                close_review(books, review, reason)
                return
        raise ApiError(404, f"No such open review: '{review_id}'", "resource_missing")

    def refund_by_hand(
        self, payment_intent: str, amount: int | None = None, *, reason: str | None = None
    ) -> str:
        """Refund a payment as somebody does in the dashboard, without metadata; return its id."""
        books, intent = self._accounts.of_intent(payment_intent)
        return refund_intent(books, intent, Wish(amount, reason)).id

    def force_refund(self, refund_id: str, status: str, failure_reason: str | None = None) -> None:
        """Move a refund to any status now, with the events and sums that belong to it."""
        for books in self._accounts.all():
            if refund_id in books.refunds:
                move_refund(books, books.refunds[refund_id], status, failure_reason)
                return
        raise ApiError(404, f"No such refund: '{refund_id}'", "resource_missing", "refund")

    def pay_out(self, api_key: str, currency: str, amount: int | None = None) -> str:
        """Pay out what is available of a currency, or a part of it; return the payout's id."""
        return pay_out(self._accounts.of_key(api_key), currency.lower(), amount).id

    def book(
        self,
        api_key: str,
        category: str,
        amount: int,
        currency: str,
        *,
        fee: int = 0,
        payment_intent: str | None = None,
        description: str | None = None,
    ) -> str:
        """Book a line that nothing else here causes, such as `dispute_reversal`; return its id."""
        books = self._accounts.of_key(api_key)
        source = books.payment_intent(payment_intent).latest_charge if payment_intent else None
        movement = Movement(category, amount, currency.lower(), source, fee, description)
        return book_by_hand(books, movement).id

    def drift(self, kind: DriftKind | str, subject: str = "") -> str:
        """Tell the books wrongly from now on, in one way at a time; return the line that it hits.

        `subject` is a balance transaction, or what moved one: a refund, a charge, a PaymentIntent,
        of which the newest line is taken. Without it the newest line of all is.
        """
        found = DriftKind(kind)
        line_id = "" if found in OF_A_FILE else self._line_of(subject)
        self._world.drift = Drift(found, line_id)
        return line_id

    def end_drift(self) -> None:
        """Tell the books as they are."""
        self._world.drift = None

    def force_report(self, run_id: str, status: str, error: str | None = None) -> None:
        """Put a report run into a status now; a pending one stays so."""
        for books in self._accounts.all():
            if run_id in books.report_runs:
                move_run(books, books.report_runs[run_id], status, error)
                return
        raise ApiError(404, f"No such report_run: '{run_id}'", "resource_missing", "report_run")

    def set_circumstances(self, **changes: bool | str | int) -> None:
        """Change fields of `Circumstances`. Refunds that wait for money go on with it."""
        changed = replace(self._world.circumstances, **changes)  # type: ignore[arg-type]  # fields by name
        if changed.closed_review_leaves not in CLOSED_REVIEW_LEAVES:
            message = f"closed_review_leaves is one of {', '.join(CLOSED_REVIEW_LEAVES)}"
            raise ApiError(400, message, param="closed_review_leaves")
        self._world.circumstances = changed
        for books in self._accounts.all():
            catch_up(books)

    def advance_clock(self, seconds: float) -> None:
        """Let time pass in the books: authorisations lapse, refunds settle, keys are forgotten."""
        self._world.clock.advance(seconds)
        for books in self._accounts.all():
            catch_up(books)

    def books(self) -> list[JsonDict]:
        """Return every account's books as the sandbox knows them."""
        for books in self._accounts.all():
            catch_up(books)
        return [dump(books) for books in self._accounts.all()]

    def reset(self) -> None:
        """Forget accounts, keys, faults, circumstances, held events; webhook endpoints stay."""
        self._accounts.clear()
        self._world.circumstances = Circumstances()
        self._world.drift = None
        self._faults.clear()
        self.webhooks.forget()
        self.api.keys.clear()

    async def close(self) -> None:
        """Stop delivering webhooks."""
        await self.webhooks.close()

    def _line_of(self, subject: str) -> str:
        for books in reversed(self._accounts.all()):
            intent = books.payment_intents.get(subject)
            named = {subject, intent.latest_charge or subject} if intent else {subject}
            for line in reversed(books.balance.values()):
                if not subject or line.id in named or line.source in named:
                    return line.id
        raise ApiError(404, f"No balance transaction of '{subject}'", "resource_missing", "subject")

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self.webhooks.endpoints:
            raise ApiError(404, f"No such webhook endpoint: '{endpoint_id}'", "resource_missing")
        return self.webhooks.endpoints[endpoint_id]
