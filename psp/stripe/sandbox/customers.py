"""Customers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from psp.stripe.sandbox.api_errors import JsonDict, invalid
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.checking import merged_metadata
from psp.stripe.sandbox.model import Customer
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.payment_methods import find_method, save_method
from psp.stripe.sandbox.rendering import render_customer

_DETAILS: Final = (
    "address",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)
_ADDRESS_LINES: Final = ("city", "country", "line1", "line2", "postal_code", "state")


def create_customer(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/customers."""
    customer = Customer(books.new_id("cus"), books.now())
    _describe(customer, parameters)
    method_id = parameters.text("payment_method")
    method = find_method(books, method_id) if method_id else None
    if method is not None and (method.spent or method.customer is not None):
        message = "The payment method you provided cannot be attached to another customer."
        raise invalid(message, "payment_method", "payment_method_unexpected_state")
    books.customers[customer.id] = customer
    books.emit("customer.created", render_customer(customer))
    if method is not None:
        save_method(books, method, customer.id)
    _set_default(books, customer, parameters)
    return render_customer(customer)


def retrieve_customer(books: Books, customer_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/customers/{id}."""
    return render_customer(books.customer(customer_id))


def update_customer(books: Books, customer_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/customers/{id}; what is not sent stays."""
    # Changed as a copy: what is refused must leave nothing behind.
    customer = replace(books.customer(customer_id))
    _describe(customer, parameters)
    _set_default(books, customer, parameters)
    books.customers[customer.id] = customer
    books.emit("customer.updated", render_customer(customer))
    return render_customer(customer)


def _describe(customer: Customer, parameters: Parameters) -> None:
    email = parameters.text("email")
    if email and "@" not in email[1:-1]:
        raise invalid(f"Invalid email address: {email}", "email", "email_invalid")
    given = parameters.plain()
    address = given.get("address")
    if isinstance(address, dict):
        given["address"] = dict.fromkeys(_ADDRESS_LINES) | address
    told = {name: given[name] for name in _DETAILS if name in given}
    customer.details = customer.details | told
    customer.metadata = merged_metadata(customer.metadata, parameters)


def _set_default(books: Books, customer: Customer, parameters: Parameters) -> None:
    settings = parameters.below("invoice_settings")
    if not settings.has("default_payment_method"):
        return
    param = "invoice_settings[default_payment_method]"
    method_id = settings.text("default_payment_method")
    method = books.payment_methods.get(method_id or "")
    if method_id and (method is None or method.customer != customer.id):
        message = f"The customer does not have a payment method with the ID {method_id}."
        raise invalid(message, param, "resource_missing")
    customer.default_payment_method = method_id
