"""The API's endpoints: method, path, parameters, and what each does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from psp.stripe.sandbox import parameter_tables as tables
from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.balance_listing import list_transactions, retrieve_transaction
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.creating import create_intent, update_intent
from psp.stripe.sandbox.customers import create_customer, retrieve_customer, update_customer
from psp.stripe.sandbox.listing import (
    list_events,
    list_intents,
    list_methods,
    list_refunds,
    list_reviews,
    retrieve_event,
)
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.payment_methods import (
    attach_method,
    detach_method,
    retrieve_method,
    update_method,
)
from psp.stripe.sandbox.refunding import create_refund, retrieve_refund
from psp.stripe.sandbox.rendering import render_charge
from psp.stripe.sandbox.reporting import create_run, retrieve_run, retrieve_type
from psp.stripe.sandbox.reviewing import approve_review, retrieve_review
from psp.stripe.sandbox.setting_up import confirm_setup, create_setup, retrieve_setup
from psp.stripe.sandbox.settling import (
    cancel_intent,
    capture_intent,
    confirm_intent,
    retrieve_intent,
)

Act = Callable[[Books, str, Parameters], JsonDict]


def retrieve_charge(books: Books, charge_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/charges/{id}."""
    return render_charge(books.charge(charge_id))


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """One method and path of the API."""

    method: str
    path: str
    rules: tables.Rules
    act: Act
    answers: str
    """The kind of object, for `expand`; `list kind` for a list of them."""

    def object_id(self, path: str) -> str | None:
        """Return the id in a path of this endpoint's (empty if it has none), None for others."""
        matched = re.fullmatch(self.path.replace("{id}", "([^/]+)"), path)
        if matched is None:
            return None
        return matched[1] if matched.groups() else ""


ENDPOINTS: Final = tuple(
    ApiEndpoint(method, f"/v1/{path}", rules, act, answers)
    for method, path, rules, act, answers in (
        ("POST", "customers", tables.CUSTOMER_CREATE, create_customer, "customer"),
        ("GET", "customers/{id}", tables.ONLY_EXPAND, retrieve_customer, "customer"),
        ("POST", "customers/{id}", tables.CUSTOMER_UPDATE, update_customer, "customer"),
        (
            "GET",
            "customers/{id}/payment_methods",
            tables.METHODS_OF_CUSTOMER,
            list_methods,
            "list payment_method",
        ),
        ("GET", "payment_methods/{id}", tables.ONLY_EXPAND, retrieve_method, "payment_method"),
        ("POST", "payment_methods/{id}", tables.METHOD_UPDATE, update_method, "payment_method"),
        (
            "POST",
            "payment_methods/{id}/attach",
            tables.METHOD_ATTACH,
            attach_method,
            "payment_method",
        ),
        (
            "POST",
            "payment_methods/{id}/detach",
            tables.ONLY_EXPAND,
            detach_method,
            "payment_method",
        ),
        ("POST", "payment_intents", tables.INTENT_CREATE, create_intent, "payment_intent"),
        ("GET", "payment_intents", tables.INTENT_LIST, list_intents, "list payment_intent"),
        ("GET", "payment_intents/{id}", tables.INTENT_RETRIEVE, retrieve_intent, "payment_intent"),
        ("POST", "payment_intents/{id}", tables.INTENT_UPDATE, update_intent, "payment_intent"),
        (
            "POST",
            "payment_intents/{id}/confirm",
            tables.INTENT_CONFIRM,
            confirm_intent,
            "payment_intent",
        ),
        (
            "POST",
            "payment_intents/{id}/capture",
            tables.INTENT_CAPTURE,
            capture_intent,
            "payment_intent",
        ),
        (
            "POST",
            "payment_intents/{id}/cancel",
            tables.INTENT_CANCEL,
            cancel_intent,
            "payment_intent",
        ),
        ("POST", "setup_intents", tables.SETUP_CREATE, create_setup, "setup_intent"),
        ("GET", "setup_intents/{id}", tables.SETUP_RETRIEVE, retrieve_setup, "setup_intent"),
        (
            "POST",
            "setup_intents/{id}/confirm",
            tables.SETUP_CONFIRM,
            confirm_setup,
            "setup_intent",
        ),
        ("GET", "charges/{id}", tables.ONLY_EXPAND, retrieve_charge, "charge"),
        ("POST", "refunds", tables.REFUND_CREATE, create_refund, "refund"),
        ("GET", "refunds", tables.REFUND_LIST, list_refunds, "list refund"),
        ("GET", "refunds/{id}", tables.ONLY_EXPAND, retrieve_refund, "refund"),
        (
            "GET",
            "balance_transactions",
            tables.BALANCE_LIST,
            list_transactions,
            "list balance_transaction",
        ),
        (
            "GET",
            "balance_transactions/{id}",
            tables.ONLY_EXPAND,
            retrieve_transaction,
            "balance_transaction",
        ),
        ("GET", "reporting/report_types/{id}", tables.ONLY_EXPAND, retrieve_type, "report_type"),
        ("POST", "reporting/report_runs", tables.REPORT_CREATE, create_run, "report_run"),
        ("GET", "reporting/report_runs/{id}", tables.ONLY_EXPAND, retrieve_run, "report_run"),
        ("GET", "reviews", tables.REVIEW_LIST, list_reviews, "list review"),
        ("GET", "reviews/{id}", tables.ONLY_EXPAND, retrieve_review, "review"),
        ("POST", "reviews/{id}/approve", tables.ONLY_EXPAND, approve_review, "review"),
        ("GET", "events", tables.EVENT_LIST, list_events, "list event"),
        ("GET", "events/{id}", tables.ONLY_EXPAND, retrieve_event, "event"),
    )
)


def find_endpoint(method: str, path: str) -> tuple[ApiEndpoint, str]:
    """Return the endpoint and the id in its path; raises `ApiError` 404."""
    for endpoint in ENDPOINTS:
        object_id = endpoint.object_id(path)
        if endpoint.method == method and object_id is not None:
            return endpoint, object_id
    message = f"Unrecognized request URL ({method}: {path})."
    raise ApiError(404, message, before_execution=True)
