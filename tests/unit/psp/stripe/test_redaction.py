"""What Stripe says in words, made safe to log."""

from __future__ import annotations

import pytest

from psp.stripe.redaction import redacted


@pytest.mark.parametrize(
    "message, expected",
    [
        ("No such customer: 'cus_1'", "No such customer: 'cus_1'"),
        ("Invalid API Key provided: sk_test_*********1234", "Invalid API Key provided: [redacted]"),
        ("signed with whsec_abc", "signed with [redacted]"),
        ("client pi_1_secret_abc is used", "client [redacted] is used"),
        ("Invalid email address: a.b+c@example.com", "Invalid email address: [redacted]"),
        ("card 4242-4242-4242-4242", "card [redacted]"),
        ("amount 123456 is\n too  large", "amount 123456 is too large"),
    ],
)
def test_secrets_and_personal_data_are_taken_out(message: str, expected: str) -> None:
    """Keys, client secrets, e-mail addresses and card numbers never pass."""
    assert expected == redacted(message)


def test_a_long_message_is_cut() -> None:
    """A message stays one readable line."""
    assert len(redacted("word " * 1000)) == 300
