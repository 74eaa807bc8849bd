"""What a webhook claims is compared, and never taken over."""

from __future__ import annotations

import pytest

from gateway.domain.claims import contradiction
from psp.port import PspEvent, PspEventSubject
from tests.support.payments import NOW, payment


def _event(claimed_minor: int | None, claimed_currency: str) -> PspEvent:
    return PspEvent(
        event_id="evt_1",
        event_type="notification",
        subject=PspEventSubject.PAYMENT,
        psp_reference="pay_1",
        payment_id="pay_1",
        occurred_time=NOW,
        claimed_minor=claimed_minor,
        claimed_currency=claimed_currency,
    )


@pytest.mark.parametrize(
    "minor,currency,fields",
    [
        (None, "", set()),
        (1999, "EUR", set()),
        (500, "EUR", set()),
        (2000, "EUR", {"claimed_minor"}),
        (1999, "USD", {"claimed_currency"}),
        (2000, "USD", {"claimed_minor", "claimed_currency"}),
    ],
)
def test_more_or_another_currency_is_a_contradiction(
    minor: int | None, currency: str, fields: set[str]
) -> None:
    """A part of the payment is none: a notification speaks of one step."""
    found = contradiction(payment(), _event(minor, currency))

    assert set(found) - {"event_id"} == fields
