"""A capture that the PSP refuses is asked for again, and less and less often."""

from __future__ import annotations

from structlog.testing import capture_logs

from legacy_bridge.port import OrderState
from psp.errors import RejectedError
from tests.support.rig import ACCOUNT, Rig


async def test_pauses_grow_after_a_refused_capture(rig: Rig) -> None:
    """Not a second too early: the PSP read the request, and soon it would answer the same."""
    asked = 0

    async def refuse(_key: str) -> None:
        nonlocal asked
        asked += 1
        raise RejectedError(ACCOUNT, "cannot be captured now", "capture_unauthorized_payment")

    await rig.draft()
    created = await rig.create()
    rig.provider.before_change = refuse
    await rig.confirm(created)
    times = []
    with capture_logs() as lines:
        for seconds in (0, 59, 2, 118, 3):
            rig.pass_time(seconds=seconds)
            await rig.settle()
            times.append(asked)

    assert times == [1, 1, 2, 2, 3]
    put_off = [line for line in lines if line["event"] == "delivery_put_off"]
    assert [line["pause_s"] for line in put_off] == [60, 120, 240]
    assert await rig.order_state() is OrderState.DRAFT

    rig.provider.before_change = None
    rig.pass_time(minutes=5)
    await rig.settle()
    assert await rig.order_state() is OrderState.RELEASED
    assert rig.intents()[0]["captures"] == 1
