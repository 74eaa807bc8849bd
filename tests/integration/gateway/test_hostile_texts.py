"""Texts that no database holds: they are refused, or made harmless, and no outcome is lost."""

from __future__ import annotations

import json
import time

import pytest

from gateway.domain.aliases import AliasReference, alias_id, parse_alias_id
from gateway.domain.payment import PaymentFilter, PaymentState
from psp.errors import InvalidEventError, RejectedError
from psp.redaction import printable
from psp.stripe.sandbox.signing import signature_header
from tests.support.rig import ACCOUNT, Rig

_HOSTILE = ["evt_\0", "evt_\ud800", "evt_é", "evt_\n", "e" * 256]


@pytest.mark.parametrize("event_id", _HOSTILE)
async def test_a_webhook_with_an_id_that_is_none_is_refused(rig: Rig, event_id: str) -> None:
    """Signed as it may be, it is answered 400 and not 500."""
    event = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature_header(body, [rig.webhook_secret], int(time.time()))}

    try:
        await rig.application.inbox.receive(ACCOUNT, headers, body)
    except InvalidEventError:
        pass  # refused
    else:
        # What cannot be shown was replaced, and what is left can be stored.
        assert not event_id.isprintable()


async def test_a_refusal_that_quotes_something_hostile_is_settled(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome is known, and its text does not keep it from the database."""

    async def refuse(_request: object) -> object:
        raise RejectedError(ACCOUNT, "no such thing: a\0b \ud800", "code\0")

    monkeypatch.setattr(rig.psp, "create_payment", refuse)
    with pytest.raises(Exception, match=r"no such thing: a\?b"):
        await rig.create()
    monkeypatch.undo()

    page = await rig.application.payments.list(PaymentFilter(), "", 10)
    assert [payment.state for payment in page.payments] == [PaymentState.FAILED]


@pytest.mark.parametrize(
    "reference",
    [
        AliasReference(ACCOUNT, "a\0b"),
        AliasReference(ACCOUNT, "pm_é"),
        AliasReference(ACCOUNT, "4242424242424242"),
        AliasReference("Stripe EU", "pm_1"),
        AliasReference("stripe\neu", "pm_1"),
    ],
)
def test_an_alias_id_that_names_nothing_is_refused(reference: AliasReference) -> None:
    """Only what PSPs make is taken, and never a card number."""
    with pytest.raises(ValueError, match="no alias has this id"):
        parse_alias_id(alias_id(reference))


@pytest.mark.parametrize(
    "text,shown", [("plain é", "plain é"), ("a\0b", "a?b"), ("\ud800", "?"), ("a\nb", "a\nb")]
)
def test_what_cannot_be_shown_is_a_question_mark(text: str, shown: str) -> None:
    """Nothing else is touched."""
    assert printable(text) == shown
