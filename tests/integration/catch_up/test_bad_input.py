"""Events of tomorrow, of nobody, and of clocks that are wrong: kept, and never believed."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.events.errors import UnknownAccountError
from gateway.storage.tables import inbox
from legacy_bridge.port import OrderState
from psp.stripe.sandbox.signing import signature_header
from tests.support.rig import ACCOUNT, Rig

_ALL = sa.select(inbox.c.event_id, inbox.c.outcome).order_by(inbox.c.event_id)


def _event(intent_id: str, **changes: Any) -> bytes:
    event = {
        "id": "evt_odd",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": intent_id, "object": "payment_intent", "metadata": {}}},
    }
    return json.dumps({**event, **changes}).encode()


async def _receive(rig: Rig, body: bytes, account: str = ACCOUNT) -> None:
    headers = {"Stripe-Signature": signature_header(body, [rig.webhook_secret], int(time.time()))}
    await rig.application.inbox.receive(account, headers, body)


async def _outcome(rig: Rig) -> str:
    outcomes = {row[0]: str(row[1]) for row in await rig.database.fetch(_ALL, {})}
    return outcomes["evt_odd"]


async def _paid_without_webhooks(rig: Rig) -> str:
    rig.without = frozenset({"sweeper", "catch_up"})
    rig.restart()
    rig.sandbox.webhooks.hold()
    await rig.draft()
    await rig.confirm(await rig.create())
    return str(rig.intents()[0]["id"])


@pytest.mark.parametrize("skew", [timedelta(days=-3650), timedelta(days=-1), timedelta(days=3650)])
async def test_when_an_event_says_it_occurred_decides_nothing(rig: Rig, skew: timedelta) -> None:
    """Its clock may be years behind or ahead: the payment's present state is asked for."""
    intent = await _paid_without_webhooks(rig)

    await _receive(rig, _event(intent, created=int(time.time() + skew.total_seconds())))
    await rig.settle()

    assert (await _outcome(rig), await rig.order_state()) == ("applied", OrderState.RELEASED)


async def test_an_event_of_an_unknown_type_about_a_payment_is_a_question(rig: Rig) -> None:
    """Whatever Stripe calls it: something happened to the payment, so it is asked about."""
    intent = await _paid_without_webhooks(rig)

    await _receive(rig, _event(intent, type="payment_intent.teleported"))
    await rig.settle()

    assert (await _outcome(rig), await rig.order_state()) == ("applied", OrderState.RELEASED)


async def test_an_event_about_an_unknown_thing_is_ignored_and_kept(rig: Rig) -> None:
    """It is answered, so that Stripe does not repeat it, and seen in the inbox."""
    thing = {"object": {"id": "thing_1", "object": "thing_of_tomorrow"}}

    await _receive(rig, _event("", type="thing.created", data=thing))
    await rig.settle()

    assert await _outcome(rig) == "ignored"


async def test_an_event_of_another_api_version_is_read_by_what_it_names(rig: Rig) -> None:
    """Its shape is the endpoint's version; what is true is read by the version that is pinned."""
    intent = await _paid_without_webhooks(rig)

    await _receive(rig, _event(intent, api_version="2099-01-01.tomorrow", extra={"new": [1]}))
    await rig.settle()

    assert (await _outcome(rig), await rig.order_state()) == ("applied", OrderState.RELEASED)


async def test_an_event_for_an_unknown_account_is_refused(rig: Rig) -> None:
    """Nothing of it is kept, and the PSP repeats it until somebody configures the account."""
    with pytest.raises(UnknownAccountError):
        await _receive(rig, _event("pi_1"), account="stripe_mars")

    assert await rig.database.fetch(_ALL, {}) == []
