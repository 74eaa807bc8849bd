"""The shopper's browser: Stripe.js with a client secret, and PayPal's page."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from psp.stripe.sandbox.accounts import Accounts
from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.browser_setups import SetupBrowser, is_setup
from psp.stripe.sandbox.charging import settle_later_charges
from psp.stripe.sandbox.checking import checked
from psp.stripe.sandbox.confirming import act_for_shopper
from psp.stripe.sandbox.forms import Tree
from psp.stripe.sandbox.model import PaymentIntent
from psp.stripe.sandbox.parameter_tables import INTENT_CONFIRM
from psp.stripe.sandbox.rendering import render_payment_intent
from psp.stripe.sandbox.settling import confirm_intent, expire_authorisations

_PAGE: Final = """<!doctype html>
<title>PayPal (sandbox)</title>
<h1>Pay {amount} {currency} with PayPal?</h1>
<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="cancel">Cancel</button>
</form>
"""


class Browser:
    """Does what a page and its shopper can do; raises `ApiError` as Stripe.js reports errors."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._setups = SetupBrowser(accounts)

    def confirm(
        self,
        client_secret: str,
        payment_method: str | None = None,
        *,
        return_url: str = "https://shop.example/return",
        publishable_key: str | None = None,
    ) -> JsonDict:
        """Confirm on session; `paypal` as payment method starts the redirect."""
        given: Tree = {"return_url": return_url}
        if payment_method == "paypal":
            given["payment_method_data"] = {"type": "paypal"}
        elif payment_method:
            given["payment_method"] = payment_method
        if is_setup(client_secret):
            return self._setups.confirm(client_secret, given, publishable_key=publishable_key)
        books, intent = self._accounts.of_client_secret(client_secret, publishable_key)
        expire_authorisations(books)
        try:
            answer = confirm_intent(books, intent.id, checked(given, INTENT_CONFIRM))
        finally:
            settle_later_charges(books)
        return _as_seen_by_page(answer)

    def authenticate(
        self, client_secret: str, *, succeeds: bool, publishable_key: str | None = None
    ) -> JsonDict:
        """End 3-D Secure; raises `ApiError` 402 if the charge is then declined."""
        if is_setup(client_secret):
            return self._setups.authenticate(
                client_secret, succeeds=succeeds, publishable_key=publishable_key
            )
        books, intent = self._accounts.of_client_secret(client_secret, publishable_key)
        if (intent.next_action or {}).get("type") == "redirect_to_url":
            raise ApiError(400, "This payment waits for its shopper on PayPal's page.")
        act_for_shopper(books, intent, succeeds=succeeds)
        settle_later_charges(books)
        return _as_seen_by_page(render_payment_intent(intent))

    def paypal_page(self, intent_id: str) -> str:
        """Return the page that asks the shopper."""
        if is_setup(intent_id):
            return self._setups.paypal_page(intent_id)
        _, intent = self._waiting_for_paypal(intent_id)
        return _PAGE.format(amount=intent.amount, currency=escape(intent.currency.upper()))

    def decide_paypal(self, intent_id: str, *, approves: bool) -> str:
        """Approve or cancel, and return the address that the shopper is sent back to."""
        if is_setup(intent_id):
            return self._setups.decide_paypal(intent_id, approves=approves)
        books, intent = self._waiting_for_paypal(intent_id)
        return_url = intent.return_url or ""
        act_for_shopper(books, intent, succeeds=approves)
        settle_later_charges(books)
        parts = urlsplit(return_url)
        told = [
            *parse_qsl(parts.query, keep_blank_values=True),
            ("payment_intent", intent.id),
            ("payment_intent_client_secret", intent.client_secret),
            ("redirect_status", "succeeded" if approves else "failed"),
        ]
        return urlunsplit(parts._replace(query=urlencode(told)))

    def _waiting_for_paypal(self, intent_id: str) -> tuple[Books, PaymentIntent]:
        books, intent = self._accounts.of_intent(intent_id)
        action = intent.next_action or {}
        if intent.status != "requires_action" or action.get("type") != "redirect_to_url":
            raise ApiError(400, "This payment waits for nobody at PayPal.")
        return books, intent


def _as_seen_by_page(intent: JsonDict) -> JsonDict:
    # Stripe API, PaymentIntent: what a publishable key may see.
    hidden = {"application", "customer", "latest_charge", "metadata", "on_behalf_of", "review"}
    return {name: value for name, value in intent.items() if name not in hidden}
