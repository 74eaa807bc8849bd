"""A process may die between any two steps: nothing happens twice, and nothing is lost."""

from __future__ import annotations

from gateway.domain.payment import PaymentState
from gateway.errors import PaygateError
from gateway.payments.commands import CreatedPayment
from legacy_bridge.port import OrderState
from tests.support.rig import CrashError, Rig

_MOST_STEPS = 60


async def _insist(rig: Rig, request_id: str, order_id: str) -> CreatedPayment:
    """Create a payment as a caller does who sends the same request until it is answered."""
    for _ in range(_MOST_STEPS):
        try:
            return await rig.create(request_id=request_id, order_id=order_id)
        except CrashError:
            rig.restart()
        except PaygateError as running:
            if running.retry_after_s is None:
                raise
        rig.pass_time(minutes=2)
        await rig.settle()
    raise AssertionError("never answered")


async def _buy(rig: Rig, request_id: str, order_id: str) -> None:
    created = await _insist(rig, request_id, order_id)
    if created.payment.state is PaymentState.OUTCOME_UNKNOWN:
        await rig.recover()
        created = await _insist(rig, request_id, order_id)
    await rig.confirm(created)
    await rig.settle()
    await rig.recover()


async def test_a_purchase_survives_death_at_every_step(rig: Rig) -> None:
    """Each step is died at once: one payment, one capture, one release, whatever the step."""
    for crash_at in range(1, _MOST_STEPS):
        order_id = f"order-{crash_at}"
        await rig.draft(order_id)
        rig.restart(crash_at)
        doomed = rig.steps

        await _buy(rig, f"request-{crash_at}", order_id)

        place = f"died at step {crash_at}: {doomed.taken}"
        (intent,) = rig.intents(order_id)
        assert (intent["captures"], intent["taken"]) == (1, 1999), place
        assert (await rig.order_state(order_id)) is OrderState.RELEASED, place
        assert await rig.releases(order_id) == 1, place
        if not doomed.crashed:
            break
    else:
        raise AssertionError("the purchase has more steps than were tried")

    assert crash_at > 10  # so many steps a purchase has at least, or this test tested nothing
