"""PaymentMethods: made from test ids, attached, detached, chosen for a charge."""

from __future__ import annotations

from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, JsonDict, invalid, missing
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.cards import TEST_CARDS
from psp.stripe.sandbox.checking import merged_metadata
from psp.stripe.sandbox.model import PaymentIntent, PaymentMethod
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.rendering import render_payment_method

_SPENT: Final = (
    "The provided PaymentMethod was previously used without being attached to a Customer or was "
    "detached from a Customer, and may not be used again."
)
_UNEXPECTED: Final = "payment_method_unexpected_state"


def find_method(books: Books, method_id: str, *, in_path: bool = False) -> PaymentMethod:
    """Return a PaymentMethod, a new one for a test id; raises `ApiError`."""
    if method_id in TEST_CARDS:
        card = TEST_CARDS[method_id]
        made = PaymentMethod(books.new_id("pm"), books.now(), "card", card)
        books.payment_methods[made.id] = made
        return made
    if method_id not in books.payment_methods:
        raise missing("PaymentMethod", method_id, "payment_method", in_path=in_path)
    return books.payment_methods[method_id]


def retrieve_method(books: Books, method_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/payment_methods/{id}."""
    return render_payment_method(find_method(books, method_id, in_path=True))


def update_method(books: Books, method_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_methods/{id}."""
    method = find_method(books, method_id, in_path=True)
    method.allow_redisplay = parameters.text("allow_redisplay") or method.allow_redisplay
    method.billing |= parameters.below("billing_details").plain()
    method.metadata = merged_metadata(method.metadata, parameters)
    books.emit("payment_method.updated", render_payment_method(method))
    return render_payment_method(method)


def attach_method(books: Books, method_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_methods/{id}/attach."""
    method = find_method(books, method_id, in_path=True)
    customer_id = parameters.required_text("customer")
    books.customer(customer_id, "customer", in_path=False)
    if method.spent:
        raise ApiError(400, _SPENT, _UNEXPECTED)
    if method.customer not in {None, customer_id}:
        message = "The payment method you provided has already been attached to a customer."
        raise ApiError(400, message, _UNEXPECTED)
    if method.type == "paypal":
        message = "PayPal wallets are saved with a payment or a SetupIntent, not attached."
        raise ApiError(400, message)
    save_method(books, method, customer_id)
    return render_payment_method(method)


def save_method(books: Books, method: PaymentMethod, customer_id: str) -> None:
    """Attach a method to a customer, if it is not attached already."""
    if method.customer is None:
        method.customer = customer_id
        books.emit("payment_method.attached", render_payment_method(method))


def detach_method(books: Books, method_id: str, _parameters: Parameters) -> JsonDict:
    """POST /v1/payment_methods/{id}/detach; for ever."""
    method = find_method(books, method_id, in_path=True)
    if method.customer is None:
        message = (
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
        raise ApiError(400, message, _UNEXPECTED)
    customer = books.customers[method.customer]
    if customer.default_payment_method == method.id:
        customer.default_payment_method = None
    method.customer = None
    method.spent = True
    # Stripe puts the customer the method was taken from beside it: `previous_attributes`. The
    # object alone says enough here.
    books.emit("payment_method.detached", render_payment_method(method))
    return render_payment_method(method)


def given_method(books: Books, parameters: Parameters) -> PaymentMethod | None:
    """Return the method that a request names or describes; raises `ApiError`."""
    named = parameters.text("payment_method")
    data = parameters.below("payment_method_data")
    if named is not None and parameters.has("payment_method_data"):
        message = "You may only specify one of payment_method_data and payment_method."
        raise invalid(message, "payment_method", "parameters_exclusive")
    if named is not None:
        return find_method(books, named)
    if not parameters.has("payment_method_data"):
        return None
    if data.text("type") != "paypal":
        message = "Card data must come from Stripe.js: send a PaymentMethod instead."
        raise invalid(message, "payment_method_data[type]")
    made = PaymentMethod(books.new_id("pm"), books.now(), "paypal")
    made.allow_redisplay = data.text("allow_redisplay") or made.allow_redisplay
    made.billing = data.below("billing_details").plain()
    made.metadata = data.metadata()
    books.payment_methods[made.id] = made
    return made


def check_unused(method: PaymentMethod) -> None:
    """Raise `ApiError` if the method can never be used again."""
    if method.spent:
        raise invalid(_SPENT, "payment_method", _UNEXPECTED)


def check_chargeable(intent: PaymentIntent, method: PaymentMethod) -> None:
    """Raise `ApiError` if this payment cannot be made with this method."""
    check_unused(method)
    if method.customer is not None and method.customer != intent.customer:
        # Recorded: no code, only the parameter.
        message = (
            f"The provided PaymentMethod belongs to the Customer {method.customer}. Include that "
            "Customer in the `customer` parameter, or use another PaymentMethod."
        )
        raise invalid(message, "payment_method")
    if method.type not in intent.method_types:
        message = (
            f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent. "
            f"Use one of these types: {', '.join(intent.method_types)}."
        )
        code = "payment_intent_incompatible_payment_method"
        raise invalid(message, "payment_method", code)
