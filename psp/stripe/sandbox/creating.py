"""PaymentIntents made and changed."""

from __future__ import annotations

from dataclasses import replace

from psp.stripe.sandbox.amounts import PAYPAL_CURRENCIES, check_amount, check_currency
from psp.stripe.sandbox.api_errors import JsonDict, invalid
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.checking import merged_metadata
from psp.stripe.sandbox.confirming import Terms, attempt, check_terms, paypal_on_session
from psp.stripe.sandbox.model import PaymentIntent, PaymentMethod
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.payment_methods import check_chargeable, given_method
from psp.stripe.sandbox.rendering import render_payment_intent
from psp.stripe.sandbox.transitions import ALLOWED, require_status

_ONLY_WITH_CONFIRM = ("error_on_requires_action", "mandate_data", "off_session", "return_url")


def create_intent(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_intents. What is refused with 400 leaves nothing; a decline leaves it."""
    intent = _drafted(books, parameters)
    _describe(books, intent, parameters)
    method = _chosen(books, intent, parameters)
    terms = Terms.of(parameters)
    if parameters.flag("confirm"):
        check_terms(intent, method, terms)
    else:
        _refuse_terms(parameters)
    books.payment_intents[intent.id] = intent
    if parameters.flag("confirm") and method is not None:
        books.emit_intent("payment_intent.created", intent)
        attempt(books, intent, method, terms)
    else:
        _keep_for_later(intent, method)
        books.emit_intent("payment_intent.created", intent)
    return render_payment_intent(intent)


def update_intent(books: Books, intent_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_intents/{id}; notes may change at any time, the payment only while open."""
    # Changed as a copy: what is refused must leave nothing behind.
    intent = replace(books.payment_intent(intent_id))
    notes = {"description", "expand", "metadata", "receipt_email", "shipping"}
    if intent.status not in ALLOWED["update"]:
        if set(parameters.values) - notes:
            require_status(intent, "update")
        _describe(books, intent, parameters)
        books.payment_intents[intent.id] = intent
        return render_payment_intent(intent)
    amount = parameters.integer("amount") or intent.amount
    currency = check_currency(parameters.text("currency") or intent.currency)
    check_amount(amount, currency)
    allowed = parameters.texts("allowed_payment_method_types") or intent.allowed_types
    types = _compatible(allowed or intent.method_types, currency)
    _describe(books, intent, parameters)
    intent.allowed_types, intent.method_types = allowed, types
    method = _chosen(books, intent, parameters)
    intent.amount, intent.currency = amount, currency
    intent.last_payment_error = None
    _keep_for_later(intent, method)
    books.payment_intents[intent.id] = intent
    return render_payment_intent(intent)


def apply_changes(intent: PaymentIntent, parameters: Parameters) -> None:
    """Take over what create, update and confirm can all say; raises `ApiError`."""
    intent.capture_method = parameters.text("capture_method") or intent.capture_method
    given = parameters.below("payment_method_options").plain()
    options = {name: value if isinstance(value, dict) else {} for name, value in given.items()}
    intent.options = intent.options | options
    plain = parameters.plain()
    for name in ("receipt_email", "setup_future_usage", "shipping"):
        if name in plain:
            setattr(intent, name, plain[name])


def _drafted(books: Books, parameters: Parameters) -> PaymentIntent:
    currency = check_currency(parameters.required_text("currency"))
    amount = parameters.required_integer("amount")
    check_amount(amount, currency)
    types, automatic = _method_types(parameters, currency)
    intent_id = books.new_id("pi")
    return PaymentIntent(
        id=intent_id,
        created=books.now(),
        client_secret=f"{intent_id}_secret_{books.world.ids.characters(25)}",
        amount=amount,
        currency=currency,
        # Stripe API since 2024-04-10.
        capture_method="automatic_async",
        method_types=types,
        allowed_types=parameters.texts("allowed_payment_method_types"),
        automatic_methods=automatic,
    )


def _method_types(parameters: Parameters, currency: str) -> tuple[list[str], JsonDict | None]:
    if not parameters.has("allowed_payment_method_types"):
        redirects = parameters.below("automatic_payment_methods").text("allow_redirects")
        types = ["card"] if redirects == "never" else _compatible(["card", "paypal"], currency)
        return types, {"enabled": True, "allow_redirects": redirects or "always"}
    if parameters.has("automatic_payment_methods"):
        message = (
            "You may only specify one of these parameters: allowed_payment_method_types, "
            "automatic_payment_methods."
        )
        raise invalid(message, "allowed_payment_method_types", "parameters_exclusive")
    return _compatible(parameters.texts("allowed_payment_method_types"), currency), None


def _compatible(types: list[str], currency: str) -> list[str]:
    # Stripe, changelog 2026-07-29: what does not fit is left out in silence.
    fitting = [name for name in types if name != "paypal" or currency in PAYPAL_CURRENCIES]
    if not fitting:
        message = (
            "No valid payment method types for this Payment Intent. Please ensure that you have "
            f"payment methods compatible with your chosen currency, {currency}."
        )
        raise invalid(message, "allowed_payment_method_types")
    return fitting


def _describe(books: Books, intent: PaymentIntent, parameters: Parameters) -> None:
    customer = parameters.text("customer")
    if customer is not None:
        intent.customer = books.customer(customer, "customer", in_path=False).id
    plain = parameters.plain()
    for name in ("description", "statement_descriptor", "statement_descriptor_suffix"):
        if name in plain:
            setattr(intent, name, plain[name])
    intent.metadata = merged_metadata(intent.metadata, parameters)
    apply_changes(intent, parameters)
    if intent.method_types == ["paypal"] and intent.setup_future_usage == "on_session":
        raise paypal_on_session()


def _chosen(books: Books, intent: PaymentIntent, parameters: Parameters) -> PaymentMethod | None:
    method = given_method(books, parameters)
    if method is not None:
        check_chargeable(intent, method)
    return method


def _keep_for_later(intent: PaymentIntent, method: PaymentMethod | None) -> None:
    if method is not None:
        intent.payment_method = method.id
        intent.status = "requires_confirmation"
        intent.next_action = None


def _refuse_terms(parameters: Parameters) -> None:
    for name in _ONLY_WITH_CONFIRM:
        if parameters.has(name):
            message = f"You cannot set `{name}` on a PaymentIntent without `confirm=true`."
            raise invalid(message, name)
