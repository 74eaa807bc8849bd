"""Notifications: who is believed, and what is read of them."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import InvalidEventError
from psp.ogone.events import OgoneEvents
from psp.port import PspEvent, PspEventSubject
from tests.unit.psp.ogone.support import PAYMENT_ID, account_config, notification, signed_body

_NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def _parse(body: bytes) -> PspEvent:
    return OgoneEvents(account_config(), lambda: _NOW).parse(body)


def test_a_notification_is_reduced_to_whom_to_ask_about() -> None:
    """With the sum that it claims."""
    event = _parse(signed_body(notification()))

    assert event == PspEvent(
        event_id=event.event_id,
        event_type="status_5",
        subject=PspEventSubject.PAYMENT,
        psp_reference=PAYMENT_ID,
        payment_id=PAYMENT_ID,
        occurred_time=_NOW,
        claimed_minor=1234,
        claimed_currency="EUR",
    )


def test_a_repeated_notification_has_the_same_id() -> None:
    """Whatever its order, its passphrase, and what is not signed."""
    first = _parse(signed_body(notification()))
    backwards = dict(reversed(notification().items()))
    again = _parse(signed_body({**backwards, "SESSION": "42"}, "sha-out-two"))

    assert first.event_id == again.event_id


@pytest.mark.parametrize(
    "changes",
    [
        {"STATUS": "9"},
        {"PAYIDSUB": "1"},
        {"PAYID": "3014644399"},
        {"NCERROR": "30001001"},
        {"amount": "5.00"},
        {"currency": "USD"},
        {"TRXDATE": "11/25/26"},
        {"ACCEPTANCE": "other"},
        {"orderID": "pay_2"},
    ],
)
def test_another_step_has_another_id(changes: dict[str, str]) -> None:
    """A capture, a refund, another attempt: none hides behind what was seen before."""
    first = _parse(signed_body(notification()))

    assert first.event_id != _parse(signed_body(notification(**changes))).event_id


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_both_encodings_are_read(encoding: str) -> None:
    """Signed over the bytes that were sent."""
    body = signed_body(notification(CN="Zoé Müller"), encoding=encoding)

    assert _parse(body).psp_reference == PAYMENT_ID


def test_every_configured_passphrase_is_believed() -> None:
    """So that one can be changed without losing a notification."""
    for passphrase in ("sha-out-one", "sha-out-two"):
        assert _parse(signed_body(notification(), passphrase)).psp_reference == PAYMENT_ID


def test_what_paramplus_adds_is_passed_over() -> None:
    """It is not signed, so it is not read."""
    body = signed_body(notification(SESSION="42", PAYMENT="other"))

    assert _parse(body).psp_reference == PAYMENT_ID


_GOOD = signed_body(notification())


@pytest.mark.parametrize(
    "body",
    [
        signed_body(notification(), "sha-out-three"),
        _GOOD.replace(b"amount=12.34", b"amount=99.34"),
        _GOOD.replace(b"STATUS=5", b"STATUS=9"),
        _GOOD + b"&AMOUNT=99.34",
        _GOOD + b"&amount=12.34",
        _GOOD + b"&SHASIGN=00",
        _GOOD + b"&PAYIDSUB=1",
        _GOOD[: _GOOD.index(b"&SHASIGN")],
        urlencode({**notification(), "SHASIGN": ""}).encode(),
        b"",
        b"\xff\xfe\x00",
        b"{}",
        b"&".join([b"a=1"] * 500),
        signed_body(notification(orderID="")),
        signed_body(notification(STATUS="")),
        signed_body(notification(orderID="x" * 41)),
        signed_body(notification(amount="12.345")),
        signed_body(notification(currency="")),
    ],
    ids=[
        "another-secret",
        "other-amount",
        "other-status",
        "second-amount",
        "doubled-amount",
        "second-signature",
        "added-field",
        "unsigned",
        "empty-signature",
        "empty",
        "bytes",
        "json",
        "flood",
        "no-order",
        "no-status",
        "long-order",
        "odd-amount",
        "amount-without-currency",
    ],
)
def test_what_is_not_trusted_is_refused(body: bytes) -> None:
    """Forged, altered, or not to be read."""
    with pytest.raises(InvalidEventError) as refused:
        _parse(body)

    assert "sha-out" not in refused.value.reason


def test_a_notification_without_amount_claims_none() -> None:
    """It still says whom to ask about."""
    event = _parse(signed_body(notification(amount="", currency="")))

    assert (event.claimed_minor, event.claimed_currency) == (None, "")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_an_orderly_way(body: bytes) -> None:
    """Nothing but `InvalidEventError` ever escapes."""
    with pytest.raises(InvalidEventError):
        _parse(body)
