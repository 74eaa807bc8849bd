"""Lists: newest first, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from psp.stripe.sandbox.api_errors import JsonDict, invalid, missing
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.rendering import (
    render_event,
    render_payment_intent,
    render_payment_method,
    render_refund,
    render_review,
)

_DEFAULT_LIMIT: Final = 10
_EVENTS_REACH_BACK_S: Final = 30 * 86_400


class _Listed(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def created(self) -> int: ...


T = TypeVar("T", bound=_Listed)

_COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "gt": lambda created, bound: created > bound,
    "gte": lambda created, bound: created >= bound,
    "lt": lambda created, bound: created < bound,
    "lte": lambda created, bound: created <= bound,
}


def list_intents(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/payment_intents; holds what was created a moment ago."""
    customer = parameters.text("customer")
    found = [
        intent
        for intent in books.payment_intents.values()
        if customer in {None, intent.customer} and inside(intent, parameters)
    ]
    return page("/v1/payment_intents", found, render_payment_intent, parameters)


def list_methods(books: Books, customer_id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/customers/{id}/payment_methods."""
    books.customer(customer_id, "customer")
    wanted = (parameters.text("type"), parameters.text("allow_redisplay"))
    found = [
        method
        for method in books.payment_methods.values()
        if method.customer == customer_id
        and wanted[0] in {None, method.type}
        and wanted[1] in {None, method.allow_redisplay}
    ]
    url = f"/v1/customers/{customer_id}/payment_methods"
    return page(url, found, render_payment_method, parameters)


def list_refunds(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/refunds; holds what was made a moment ago."""
    charge, intent = parameters.text("charge"), parameters.text("payment_intent")
    if charge is not None and charge not in books.charges:
        raise missing("charge", charge, "charge", in_path=False)
    if intent is not None and intent not in books.payment_intents:
        raise missing("payment_intent", intent, "payment_intent", in_path=False)
    found = [
        refund
        for refund in books.refunds.values()
        if charge in {None, refund.charge}
        and intent in {None, refund.payment_intent}
        and inside(refund, parameters)
    ]
    return page("/v1/refunds", found, render_refund, parameters)


def list_reviews(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/reviews: the open ones."""
    found = [
        review for review in books.reviews.values() if review.open and inside(review, parameters)
    ]
    return page("/v1/reviews", found, render_review, parameters)


def retrieve_event(books: Books, event_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/events/{id}."""
    return render_event(books.event(event_id))


def list_events(books: Books, _id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/events: the last 30 days."""
    one, several = parameters.text("type"), parameters.texts("types")
    if one and several:
        message = "You may only specify one of these parameters: type, types."
        raise invalid(message, "types", "parameters_exclusive")
    wanted = several or ([one] if one else [])
    oldest = books.now() - _EVENTS_REACH_BACK_S
    found = [
        event
        for event in books.events.values()
        if event.created >= oldest
        and (not wanted or any(matches(pattern, event.type) for pattern in wanted))
        and inside(event, parameters)
    ]
    return page("/v1/events", found, render_event, parameters)


def matches(pattern: str, event_type: str) -> bool:
    """Return whether a type is meant by `charge.*`, by `*` or by its own name."""
    return pattern == event_type or (
        pattern.endswith("*") and event_type.startswith(pattern.removesuffix("*"))
    )


def page(
    url: str, oldest_first: Iterable[T], render: Callable[[T], JsonDict], parameters: Parameters
) -> JsonDict:
    """Return one page; raises `ApiError` for a cursor that is not on the list."""
    found = list(oldest_first)[::-1]
    limit = parameters.integer("limit") or _DEFAULT_LIMIT
    after, before = parameters.text("starting_after"), parameters.text("ending_before")
    if after and before:
        message = "You may only specify one of these parameters: ending_before, starting_after."
        raise invalid(message, "ending_before", "parameters_exclusive")
    if before:
        newer = found[: _position(found, before, "ending_before")]
        shown, more = newer[-limit:], len(newer) > limit
    else:
        start = _position(found, after, "starting_after") + 1 if after else 0
        shown, more = found[start : start + limit], len(found) > start + limit
    return {
        "object": "list",
        "data": [render(entry) for entry in shown],
        "has_more": more,
        "url": url,
    }


def _position(found: Sequence[_Listed], object_id: str, param: str) -> int:
    for position, entry in enumerate(found):
        if entry.id == object_id:
            return position
    raise missing("object", object_id, param, in_path=False)


def inside(entry: _Listed, parameters: Parameters) -> bool:
    """Return whether an object was created within the `created` that is asked for."""
    bounds = parameters.bounds("created")
    return all(_COMPARISONS[name](entry.created, bound) for name, bound in bounds.items())
