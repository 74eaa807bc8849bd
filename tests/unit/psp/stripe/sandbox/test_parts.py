"""Small decisions: signatures, the order of events, ids, expansions, faults."""

from __future__ import annotations

import pytest
import stripe

from psp.sandboxing.delivery import reordered
from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.expanding import check_expansions
from psp.stripe.sandbox.faults import Fault, FaultKind, Faults
from psp.stripe.sandbox.model import Event
from psp.stripe.sandbox.signing import signature_header
from psp.stripe.sandbox.webhooks import Endpoint, Parcel
from psp.stripe.sandbox.world import Clock, Ids


def test_the_sdk_verifies_our_signature() -> None:
    """Each secret signs the very bytes; a changed byte is noticed."""
    header = signature_header(b'{"object":"event"}', ["whsec_a", "whsec_b"], 1_800_000_000)

    for secret in ("whsec_a", "whsec_b"):
        assert stripe.WebhookSignature.verify_header('{"object":"event"}', header, secret)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header('{"object":"Event"}', header, "whsec_a")


def _parcel(number: int, event_type: str) -> Parcel:
    event = Event(f"evt_{number}", 0, event_type, {}, {}, 1)
    return Parcel(event, Endpoint("we_1", "", []), b"")


@pytest.mark.parametrize(
    "order, expected",
    [
        ([], [1, 2, 3]),
        (["reversed"], [3, 2, 1]),
        (["b"], [2, 1, 3]),
        (["evt_3", "b"], [3, 2, 1]),
        (["unknown"], [1, 2, 3]),
    ],
)
def test_held_events_go_in_the_order_asked_for(order: list[str], expected: list[int]) -> None:
    """Types and ids lead, the rest follows as it happened."""
    held = [_parcel(1, "a"), _parcel(2, "b"), _parcel(3, "a")]

    assert [parcel.event.id for parcel in reordered(held, order)] == [
        f"evt_{number}" for number in expected
    ]


def test_ids_are_repeatable_and_different() -> None:
    """The same seed makes the same ids."""
    first, second = Ids(7), Ids(7)
    made = [first.new("pi") for _ in range(3)]

    assert made == [second.new("pi") for _ in range(3)]
    assert len(set(made)) == 3
    assert made[0] != Ids(8).new("pi")


def test_time_runs_forwards() -> None:
    """The clock can be advanced, never set back."""
    clock = Clock(lambda: 100.9)
    clock.advance(5.5)

    assert clock.seconds() == 106
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)


@pytest.mark.parametrize(
    "kind, path, allowed",
    [
        ("payment_intent", "latest_charge", True),
        ("payment_intent", "latest_charge.payment_intent.review.charge", True),
        ("payment_intent", "latest_charge.payment_intent.review.charge.customer", False),
        ("payment_intent", "metadata", False),
        ("list payment_intent", "data.customer", True),
        ("list payment_intent", "customer", False),
        ("list payment_intent", "data", False),
        ("customer", "invoice_settings.default_payment_method", True),
        ("event", "data", False),
    ],
)
def test_what_can_be_expanded(kind: str, path: str, allowed: bool) -> None:
    """Four levels of fields that hold ids."""
    if allowed:
        check_expansions(kind, [path])
        return
    with pytest.raises(ApiError, match="cannot be expanded"):
        check_expansions(kind, [path])


def test_faults_are_used_up_in_order() -> None:
    """Each request meets the first fault that matches it, as often as was asked."""
    faults = Faults()
    faults.inject(Fault(FaultKind.DROP_AFTER, method="POST", count=2))
    faults.inject(Fault(FaultKind.RATE_LIMITED, path_prefix="/v1/customers"))

    met = [
        faults.take(method, path)
        for method, path in (
            ("GET", "/v1/customers"),
            ("GET", "/v1/customers"),
            ("POST", "/v1/payment_intents"),
            ("POST", "/v1/payment_intents"),
            ("POST", "/v1/payment_intents"),
        )
    ]

    assert [fault.kind if fault else None for fault in met] == [
        FaultKind.RATE_LIMITED,
        None,
        FaultKind.DROP_AFTER,
        FaultKind.DROP_AFTER,
        None,
    ]
