"""The shopper's browser where a method is saved without a payment."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from psp.stripe.sandbox.accounts import Accounts
from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.checking import checked
from psp.stripe.sandbox.forms import Tree
from psp.stripe.sandbox.model import SetupIntent
from psp.stripe.sandbox.parameter_tables import SETUP_CONFIRM
from psp.stripe.sandbox.setting_up import confirm_setup, end_setup

_PREFIX: Final = "seti_"
_PAGE: Final = """<!doctype html>
<title>PayPal (sandbox)</title>
<h1>Let this shop charge your PayPal account later?</h1>
<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="cancel">Cancel</button>
</form>
"""


def is_setup(named: str) -> bool:
    """Return whether an id or a client secret is of a SetupIntent."""
    return named.startswith(_PREFIX)


class SetupBrowser:
    """Does with SetupIntents what `Browser` does with payments."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def confirm(
        self, client_secret: str, given: Tree, *, publishable_key: str | None = None
    ) -> JsonDict:
        """Confirm with what the page gives; raises `ApiError`."""
        books, setup = self._accounts.of_setup_secret(client_secret, publishable_key)
        return _as_seen_by_page(confirm_setup(books, setup.id, checked(given, SETUP_CONFIRM)))

    def authenticate(
        self, client_secret: str, *, succeeds: bool, publishable_key: str | None = None
    ) -> JsonDict:
        """End 3-D Secure; raises `ApiError`."""
        books, setup = self._accounts.of_setup_secret(client_secret, publishable_key)
        if _is_at_paypal(setup):
            raise ApiError(400, "This set-up waits for its shopper on PayPal's page.")
        return _as_seen_by_page(end_setup(books, setup, succeeds=succeeds))

    def paypal_page(self, setup_id: str) -> str:
        """Return the page that asks the shopper."""
        self._waiting_for_paypal(setup_id)
        return _PAGE

    def decide_paypal(self, setup_id: str, *, approves: bool) -> str:
        """Approve or cancel, and return the address that the shopper is sent back to."""
        books, setup = self._waiting_for_paypal(setup_id)
        end_setup(books, setup, succeeds=approves)
        parts = urlsplit(setup.return_url or "")
        told = [
            *parse_qsl(parts.query, keep_blank_values=True),
            ("setup_intent", setup.id),
            ("setup_intent_client_secret", setup.client_secret),
            ("redirect_status", "succeeded" if approves else "failed"),
        ]
        return urlunsplit(parts._replace(query=urlencode(told)))

    def _waiting_for_paypal(self, setup_id: str) -> tuple[Books, SetupIntent]:
        books, setup = self._accounts.of_setup(setup_id)
        if not _is_at_paypal(setup):
            raise ApiError(400, "This set-up waits for nobody at PayPal.")
        return books, setup


def _is_at_paypal(setup: SetupIntent) -> bool:
    action = setup.next_action or {}
    return setup.status == "requires_action" and action.get("type") == "redirect_to_url"


def _as_seen_by_page(setup: JsonDict) -> JsonDict:
    hidden = {"application", "customer", "metadata", "on_behalf_of"}
    return {name: value for name, value in setup.items() if name not in hidden}
