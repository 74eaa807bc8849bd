"""What the PSP says late, or says badly the first time, is heard all the same."""

from __future__ import annotations

from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundState
from gateway.domain.requests import RequestKey
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from tests.support.rig import Rig

_FOR_EVER = 1_000_000


async def test_a_word_that_leaves_all_open_concludes_nothing(rig: Rig) -> None:
    """A status that cannot be read does not make a creation failed, however late it is."""
    await rig.draft()
    rig.sandbox.inject(
        "drop_after", method="POST", path_prefix="/v1/payment_intents", count=_FOR_EVER
    )
    created = await rig.create()
    rig.sandbox.force_status(rig.intents()[0]["id"], "status_of_tomorrow")

    for _ in range(5):
        await rig.recover()

    waiting = await rig.application.payments.get(created.payment.id)
    assert waiting.state is PaymentState.OUTCOME_UNKNOWN


async def test_a_failed_refund_is_heard_of_though_the_list_failed_first(rig: Rig) -> None:
    """The payment's sum is stored before the refunds are asked for: they are asked for again."""
    await rig.draft()
    created = await rig.create()
    await rig.confirm(created, "pm_card_refundFail")
    await rig.settle()
    command = CreateRefundCommand(
        RequestKey("tests", "CreateRefund", "r"), RefundedPayment(payment_id=created.payment.id)
    )
    refund = await rig.application.refunds.create(command, None)

    rig.sandbox.inject("error_before", method="GET", path_prefix="/v1/refunds", count=_FOR_EVER)
    rig.pass_time(minutes=2)
    await rig.settle()
    rig.sandbox.clear_faults()
    await rig.recover()

    assert refund.state is RefundState.SUCCEEDED
    assert (await rig.application.refunds.get(refund.id)).state is RefundState.FAILED
