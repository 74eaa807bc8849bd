"""Accounts by their keys: books are kept apart, and a key that is none gets 401."""

from __future__ import annotations

import re
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.model import PaymentIntent, SetupIntent
from psp.stripe.sandbox.world import World

_SECRET_KEY: Final = re.compile(r"[sr]k_test_(\w+)", re.ASCII)
_PUBLISHABLE_KEY: Final = re.compile(r"pk_test_(\w+)", re.ASCII)


class Accounts:
    """Every account's books. What follows `_test_` in a key names the account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books: dict[str, Books] = {}

    def all(self) -> list[Books]:
        """Return all books, in the order in which accounts were first seen."""
        return list(self._books.values())

    def clear(self) -> None:
        """Burn the books."""
        self._books.clear()

    def authorised(self, authorization: str) -> Books:
        """Return the books of an `Authorization` header; raises `ApiError` 401."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            message = "You did not provide an API key."
            raise ApiError(401, message, before_execution=True)
        return self.of_key(key)

    def of_key(self, api_key: str) -> Books:
        """Return the books of a secret or restricted test key; raises `ApiError` 401."""
        matched = _SECRET_KEY.fullmatch(api_key)
        if matched is None:
            message = f"Invalid API Key provided: {api_key[:8]}****"
            raise ApiError(401, message, before_execution=True)
        account = matched[1]
        return self._books.setdefault(account, Books(account, self._world))

    def of_intent(self, intent_id: str) -> tuple[Books, PaymentIntent]:
        """Return a PaymentIntent of any account, with its books; raises `ApiError`."""
        for books in self._books.values():
            if intent_id in books.payment_intents:
                return books, books.payment_intents[intent_id]
        raise ApiError(404, f"No such payment_intent: '{intent_id}'", "resource_missing", "intent")

    def of_client_secret(
        self, client_secret: str, publishable_key: str | None
    ) -> tuple[Books, PaymentIntent]:
        """Return what a page may touch: the one payment whose secret it was given."""
        intent_id = client_secret.partition("_secret_")[0]
        books, intent = self.of_intent(intent_id)
        _require_key_of(books, publishable_key)
        if client_secret != intent.client_secret:
            message = "The client_secret provided does not match any associated PaymentIntent."
            raise ApiError(400, message, "payment_intent_invalid_parameter", "client_secret")
        return books, intent

    def of_setup(self, setup_id: str) -> tuple[Books, SetupIntent]:
        """Return a SetupIntent of any account, with its books; raises `ApiError`."""
        for books in self._books.values():
            if setup_id in books.setup_intents:
                return books, books.setup_intents[setup_id]
        raise ApiError(404, f"No such setup_intent: '{setup_id}'", "resource_missing", "intent")

    def of_setup_secret(
        self, client_secret: str, publishable_key: str | None
    ) -> tuple[Books, SetupIntent]:
        """Return the one set-up whose secret a page was given."""
        books, setup = self.of_setup(client_secret.partition("_secret_")[0])
        _require_key_of(books, publishable_key)
        if client_secret != setup.client_secret:
            message = "The client_secret provided does not match any associated SetupIntent."
            raise ApiError(400, message, "setup_intent_invalid_parameter", "client_secret")
        return books, setup


def _require_key_of(books: Books, publishable_key: str | None) -> None:
    matched = _PUBLISHABLE_KEY.fullmatch(publishable_key or f"pk_test_{books.account}")
    if matched is None or matched[1] != books.account:
        raise ApiError(401, "This publishable key is not of the payment's account.")
