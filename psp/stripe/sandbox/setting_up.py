"""SetupIntents: methods saved without a payment."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from psp.stripe.sandbox.api_errors import DOCUMENTATION, ApiError, JsonDict, invalid
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.cards import Authentication, Decline
from psp.stripe.sandbox.model import PaymentMethod, SetupIntent
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.payment_methods import check_unused, given_method, save_method
from psp.stripe.sandbox.rendering import render_payment_method, render_setup_intent

_OPEN: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_NOT_AUTHENTICATED: Final = Decline(
    "setup_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)


def create_setup(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/setup_intents; confirmed by the page, never at once."""
    customer = parameters.text("customer")
    if customer is not None:
        books.customer(customer, "customer", in_path=False)
    setup_id = books.new_id("seti")
    setup = SetupIntent(
        id=setup_id,
        created=books.now(),
        client_secret=f"{setup_id}_secret_{books.world.ids.characters(25)}",
        method_types=parameters.texts("allowed_payment_method_types") or ["card", "paypal"],
        customer=customer,
        description=parameters.text("description"),
        metadata=parameters.metadata(),
        # Stripe API, SetupIntent `usage`.
        usage=parameters.text("usage") or "off_session",
    )
    books.setup_intents[setup.id] = setup
    books.emit("setup_intent.created", render_setup_intent(setup))
    return render_setup_intent(setup)


def retrieve_setup(books: Books, setup_id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/setup_intents/{id}."""
    setup = books.setup_intent(setup_id)
    if parameters.text("client_secret") not in {None, setup.client_secret}:
        message = "The client_secret provided does not match that of this SetupIntent."
        raise invalid(message, "client_secret", "setup_intent_invalid_parameter")
    return render_setup_intent(setup)


def confirm_setup(books: Books, setup_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/setup_intents/{id}/confirm; raises `ApiError` 402 for a decline, which is kept."""
    # Confirmed as a copy: what is refused with 400 must leave nothing behind.
    setup = replace(books.setup_intent(setup_id))
    _require_open(setup)
    method = given_method(books, parameters)
    if method is None:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise _unexpected_state(setup, message)
    _check_savable(setup, method)
    return_url = parameters.text("return_url")
    if method.card is None and not return_url:
        message = "PayPal sends the shopper to another page: you must provide a `return_url`."
        raise invalid(message, "return_url", "parameter_missing")
    books.setup_intents[setup.id] = setup
    setup.payment_method, setup.return_url = method.id, return_url
    setup.last_setup_error = setup.next_action = None
    if method.card is not None and method.card.declines_setup:
        raise _failed(books, setup, method, method.card.decline)
    if method.card is not None and method.card.authentication is Authentication.NEVER:
        _succeed(books, setup, method)
    else:
        setup.status = "requires_action"
        setup.next_action = _action(books, setup, method)
        books.emit("setup_intent.requires_action", render_setup_intent(setup))
    return render_setup_intent(setup)


def end_setup(books: Books, setup: SetupIntent, *, succeeds: bool) -> JsonDict:
    """End a requires_action as the shopper does."""
    if setup.status != "requires_action":
        raise _unexpected_state(setup, "This SetupIntent waits for no shopper.")
    method = books.payment_methods[setup.payment_method or ""]
    setup.next_action = None
    if succeeds:
        _succeed(books, setup, method)
    else:
        _failed(books, setup, method, _NOT_AUTHENTICATED)
    return render_setup_intent(setup)


def _check_savable(setup: SetupIntent, method: PaymentMethod) -> None:
    check_unused(method)
    if method.customer not in {None, setup.customer}:
        raise invalid("The PaymentMethod belongs to another Customer.", "payment_method")
    if method.type not in setup.method_types:
        message = f"The PaymentMethod provided ({method.type}) is not allowed for this SetupIntent."
        raise invalid(message, "payment_method")


def _succeed(books: Books, setup: SetupIntent, method: PaymentMethod) -> None:
    setup.status = "succeeded"
    method.set_up_off_session = method.set_up_off_session or setup.usage == "off_session"
    books.emit("setup_intent.succeeded", render_setup_intent(setup))
    if setup.customer is not None:
        save_method(books, method, setup.customer)


def _failed(
    books: Books, setup: SetupIntent, method: PaymentMethod, decline: Decline | None
) -> ApiError:
    """Send the SetupIntent back to its start, and return the 402."""
    if decline is None:
        raise TypeError(f"{method.id} is not declined")
    setup.status, setup.payment_method = "requires_payment_method", None
    told: JsonDict = {"decline_code": decline.decline_code} if decline.decline_code else {}
    setup.last_setup_error = told | {
        "type": "card_error" if method.card else "invalid_request_error",
        "code": decline.code,
        "message": decline.message,
        "doc_url": DOCUMENTATION + decline.code.replace("_", "-"),
        "payment_method": render_payment_method(method),
    }
    books.emit("setup_intent.setup_failed", render_setup_intent(setup))
    more = told | {"setup_intent": render_setup_intent(setup)}
    return ApiError(402, decline.message, decline.code, type="card_error", more=more)


def _action(books: Books, setup: SetupIntent, method: PaymentMethod) -> JsonDict:
    if method.card is None:
        page = f"{books.world.address}/_sandbox/paypal/{setup.id}"
        target = {"return_url": setup.return_url, "url": page}
        return {"type": "redirect_to_url", "redirect_to_url": target}
    details = {
        "type": "three_d_secure_redirect",
        "three_d_secure_2_source": books.new_id("setatt"),
    }
    return {"type": "use_stripe_sdk", "use_stripe_sdk": details}


def _require_open(setup: SetupIntent) -> None:
    if setup.status not in _OPEN:
        message = (
            "You cannot confirm this SetupIntent because it has already succeeded. "
            f"Its status is {setup.status}."
        )
        raise _unexpected_state(setup, message)


def _unexpected_state(setup: SetupIntent, message: str) -> ApiError:
    more = {"setup_intent": render_setup_intent(setup)}
    return ApiError(400, message, "setup_intent_unexpected_state", more=more)
