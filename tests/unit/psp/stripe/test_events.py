"""Webhooks verified and reduced."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from psp.errors import InvalidEventError
from psp.port import PspEvent, PspEventSubject
from psp.stripe.events import StripeEvents
from tests.unit.psp.stripe.support import (
    JsonDict,
    account_config,
    charge,
    payment_intent,
    refund,
)

_NOW_S = 1_800_000_000


def _event(**changes: object) -> JsonDict:
    event: JsonDict = {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": _NOW_S - 5,
        "livemode": False,
        "data": {"object": payment_intent()},
    }
    return {**event, **changes}


def _parse(body: bytes, *, api_key: str = "sk_test_1") -> PspEvent:
    events = StripeEvents(account_config(api_key=SecretStr(api_key)), clock=lambda: _NOW_S)
    signature = hmac.new(b"whsec_two", b"%d." % _NOW_S + body, hashlib.sha256).hexdigest()
    return events.parse({"stripe-signature": f"t={_NOW_S},v1={signature}"}, body)


def _parse_event(**changes: object) -> PspEvent:
    return _parse(json.dumps(_event(**changes)).encode())


def test_a_payments_event_names_the_payment() -> None:
    """A PaymentIntent's event says which payment to ask about, in both parties' words."""
    assert _parse_event() == PspEvent(
        event_id="evt_1",
        event_type="payment_intent.succeeded",
        subject=PspEventSubject.PAYMENT,
        psp_reference="pi_1",
        payment_id="pay_1",
        occurred_time=datetime.fromtimestamp(_NOW_S - 5, UTC),
    )


@pytest.mark.parametrize("kind", ["charge", "refund", "dispute", "review"])
@pytest.mark.parametrize("named", ["pi_7", {"id": "pi_7", "object": "payment_intent"}])
def test_objects_of_a_payment_lead_to_it(kind: str, named: object) -> None:
    """Whatever belongs to a payment names it, expanded or not."""
    event = _parse_event(data={"object": {"id": "x_1", "object": kind, "payment_intent": named}})

    assert (
        event.subject,
        event.psp_reference,
        event.payment_id,
    ) == (PspEventSubject.PAYMENT, "pi_7", "")


@pytest.mark.parametrize(
    "event_type",
    ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"],
)
def test_a_refunds_event_is_about_its_payment(event_type: str) -> None:
    """Also under its deprecated name, a refund leads to the payment, which is asked about."""
    event = _parse_event(type=event_type, data={"object": refund()})

    assert (event.event_type, event.subject, event.psp_reference, event.payment_id) == (
        event_type,
        PspEventSubject.PAYMENT,
        "pi_1",
        "",
    )


def test_a_refunded_charge_brings_our_reference() -> None:
    """A charge bears its PaymentIntent's metadata."""
    subject = charge(payment_intent="pi_1", metadata={"paygate_payment_id": "pay_1"})

    event = _parse_event(type="charge.refunded", data={"object": subject})

    assert (event.subject, event.psp_reference, event.payment_id) == (
        PspEventSubject.PAYMENT,
        "pi_1",
        "pay_1",
    )


@pytest.mark.parametrize(
    "subject",
    [
        {"id": "pm_1", "object": "payment_method"},
        {"id": "seti_1", "object": "setup_intent"},
        {"id": "frr_1", "object": "reporting.report_run"},
        {"id": "ch_1", "object": "charge", "payment_intent": None},
        {"id": "x_1", "object": "brand_new", "payment_intent": "pi_1"},
        {"id": "x_1"},
    ],
)
def test_other_objects_are_about_no_payment(subject: JsonDict) -> None:
    """An event about something else is verified and kept apart."""
    event = _parse_event(type="something.else", data={"object": subject})

    assert (event.subject, event.psp_reference) == (PspEventSubject.OTHER, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": 7},
        {"type": None},
        {"object": "v2.core.event"},
        {"object": None},
        {"created": None},
        {"created": "yesterday"},
        {"created": 10**30},
        {"data": None},
        {"data": {}},
        {"data": {"object": []}},
        {"data": {"object": "pi_1"}},
    ],
)
def test_what_is_no_event_is_refused(changes: JsonDict) -> None:
    """A signed body that is no complete event is refused, not guessed at."""
    with pytest.raises(InvalidEventError):
        _parse_event(**changes)


@pytest.mark.parametrize(
    "body,reason",
    [
        (b"", "JSON"),
        (b'{"id": "evt_1", "obj', "JSON"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b'{"id": "\xff"}', "UTF-8"),
        ('{"id": "x"}'.encode("utf-16"), "UTF-8"),
        (b"[" * 200_000, "JSON"),
        (b'{"id": ' + b"9" * 10_000 + b"}", "JSON"),
    ],
    ids=["empty", "truncated", "list", "text", "latin", "utf-16", "deep", "long-number"],
)
def test_a_signed_body_that_cannot_be_read_is_refused(body: bytes, reason: str) -> None:
    """Truncated, wrongly encoded and hostile bodies are refused with a reason."""
    with pytest.raises(InvalidEventError, match=reason):
        _parse(body)


def test_an_unsigned_body_is_not_even_read() -> None:
    """The signature comes first, whatever the body is."""
    events = StripeEvents(account_config(), clock=lambda: _NOW_S)

    with pytest.raises(InvalidEventError, match="missing"):
        events.parse({}, b"\xff")


@pytest.mark.parametrize(
    "api_key,live_mode",
    [("sk_live_1", False), ("sk_test_1", True), ("rk_live_1", False), ("sk_test_1", None)],
)
def test_an_event_of_the_other_mode_is_refused(api_key: str, live_mode: object) -> None:
    """A test event never speaks about live payments, nor the other way round."""
    body = json.dumps(_event(livemode=live_mode)).encode()

    with pytest.raises(InvalidEventError, match="mode"):
        _parse(body, api_key=api_key)


@pytest.mark.parametrize("live_mode", [True, False])
def test_a_key_without_a_mode_decides_nothing(live_mode: bool) -> None:
    """Where the key does not tell its mode, both are taken."""
    body = json.dumps(_event(livemode=live_mode)).encode()

    assert _parse(body, api_key="sk_1").event_id == "evt_1"
