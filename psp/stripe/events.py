"""Webhooks from Stripe: verified, then reduced to whom they are about."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Final

from psp.errors import InvalidEventError
from psp.port import PspEvent, PspEventSubject
from psp.stripe.config import StripeAccountConfig
from psp.stripe.fields import JsonObject, moment, nested, reference, text
from psp.stripe.payment_params import PAYMENT_ID
from psp.stripe.signatures import verify_signature

# Where an event's object names its payment, by the object's type. Other objects are not about one
# payment (customers, saved methods, report runs, payouts).
_PAYMENT_FIELDS: Final[Mapping[str, str]] = {
    "payment_intent": "id",
    "charge": "payment_intent",
    "refund": "payment_intent",
    "dispute": "payment_intent",
    "review": "payment_intent",
}


class StripeEvents:
    """The webhooks of one account. An event only says whom to ask about, never what is true."""

    def __init__(self, config: StripeAccountConfig, clock: Callable[[], float] = time.time) -> None:
        self._secrets = tuple(
            secret.get_secret_value().encode() for secret in config.webhook_secrets
        )
        self._live_mode = config.live_mode
        self._clock = clock

    def parse(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """Verify and reduce a webhook; raises `InvalidEventError`. Header names in any case."""
        verify_signature(headers, body, self._secrets, self._clock())
        event = _decode(body)
        # A test event must not move a live payment, and one without the flag is no event.
        live_mode = event.get("livemode")
        if self._live_mode is not None and live_mode is not self._live_mode:
            raise InvalidEventError("the event is not of this account's mode")
        return read_event(event)


def read_event(event: JsonObject) -> PspEvent:
    """Reduce an Event, whether pushed or listed; raises `InvalidEventError`."""
    event_id, event_type = text(event, "id"), text(event, "type")
    occurred = moment(event, "created")
    subject = nested(nested(event, "data"), "object")
    if text(event, "object") != "event" or not event_id or not event_type:
        raise InvalidEventError("the body is no event of Stripe's API v1")
    if occurred is None or not subject:
        raise InvalidEventError("the event lacks its time or its object")
    psp_reference = reference(subject, _PAYMENT_FIELDS.get(text(subject, "object"), ""))
    return PspEvent(
        event_id=event_id,
        event_type=event_type,
        subject=PspEventSubject.PAYMENT if psp_reference else PspEventSubject.OTHER,
        psp_reference=psp_reference,
        payment_id=text(nested(subject, "metadata"), PAYMENT_ID),
        occurred_time=occurred,
    )


def _decode(body: bytes) -> JsonObject:
    # Decoded by us: given bytes, the JSON parser would guess among encodings.
    try:
        event = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidEventError("the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise InvalidEventError("the body is not complete JSON") from None
    if not isinstance(event, dict):
        raise InvalidEventError("the body is no JSON object")
    return event
