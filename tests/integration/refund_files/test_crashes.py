"""Whatever step the process dies at, each movement ends with exactly one refund."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pytest
import sqlalchemy as sa

from gateway.domain.refund import RefundState
from gateway.domain.refund_movement import Standing
from gateway.refund_files import reading
from gateway.storage.tables import payments, refunds
from gateway.storage.writes import Write
from psp.errors import NotSentError, OutcomeUnknownError
from psp.port import PspPayment
from tests.integration.refund_files.stage import Stage, file_of, line
from tests.support.rig import CrashError
from tests.support.shop import CARDS, WALLETS

_MOST_STEPS: Final = 200
Books = Mapping[str, Mapping[str, PspPayment]]
"""By account: the PSP's payments by reference."""


async def _file(stage: Stage) -> str:
    """Two lines of one payment, one of another account, one of before, and a bad one."""
    first, second = await stage.paid(1), await stage.paid(2, WALLETS)
    old = stage.paid_before(3)
    return file_of(
        line("M-1", first),
        line("M-2", second, number=2),
        "nonsense",
        line("M-3", "", number=3, psp_account=CARDS, psp_reference=old),
        line("M-4", first, "6.00"),
    )


def _expect_one_each(stage: Stage) -> None:
    made = sorted([*stage.made(), *stage.made(WALLETS)])
    assert made == [
        ("ch_cards_1", 500),
        ("ch_cards_1", 600),
        ("ch_wallets_2", 500),
        ("old_cards_3", 500),
    ]


async def _begin_anew(stage: Stage, before: Books) -> None:
    """Undo all refunds, here and at the PSPs, as if nothing had been sent yet."""
    for name, psp in stage.psps.items():
        psp.refunds.clear()
        psp.payments.clear()
        psp.payments.update(before[name])
    await stage.database.commit([Write(sa.delete(refunds), {})])
    await stage.database.commit([Write(sa.update(payments).values(refunded_minor=0), {})])


def _renamed(text: str, crash_at: int) -> str:
    """Return the file with movements of its own."""
    return text.replace("M-", f"M-{crash_at}-")


async def test_a_crash_at_any_step_of_a_submitted_batch(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller sends the file again, and the workers take on what is left."""
    monkeypatch.setattr(reading, "BATCH_LINES", 2)
    text = await _file(stage)
    before = {name: dict(psp.payments) for name, psp in stage.psps.items()}
    reached = 0
    for crash_at in range(1, _MOST_STEPS):
        await _begin_anew(stage, before)
        stage.restart(crash_at)
        steps = stage.steps
        with suppress(CrashError):
            await stage.submit(_renamed(text, crash_at), f"first-{crash_at}")
        if steps.crashed:
            stage.restart()
        await stage.settle()
        stage.restart()  # from here on nobody dies
        stage.pass_time(minutes=4)  # the request's own lease
        batch = (await stage.submit(_renamed(text, crash_at), f"again-{crash_at}")).batch
        await stage.recover()

        _expect_one_each(stage)
        assert batch.lines == 5
        if not steps.crashed:
            reached = crash_at
            break

    assert reached > 20  # the whole way was gone, and it is not a short one


async def test_a_crash_at_any_step_of_a_file_in_the_folder(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process goes on by itself, and the result is there once and whole."""
    monkeypatch.setattr(reading, "BATCH_LINES", 2)
    text = await _file(stage)
    before = {name: dict(psp.payments) for name, psp in stage.psps.items()}
    reached = 0
    for crash_at in range(1, _MOST_STEPS):
        await _begin_anew(stage, before)
        stage.put(_renamed(text, crash_at), f"{crash_at}.csv")
        stage.restart(crash_at)
        steps = stage.steps
        for _ in range(4):
            await stage.look(2)
            stage.pass_time(minutes=6)
        stage.restart()  # from here on nobody dies
        await stage.recover()
        await stage.look(2)

        _expect_one_each(stage)
        result = stage.result(f".{crash_at}.csv")
        assert [each["state"] for each in result] == [
            Standing.SUCCEEDED,
            Standing.SUCCEEDED,
            Standing.REFUSED,
            Standing.SUCCEEDED,
            Standing.SUCCEEDED,
        ]
        assert all(each["psp_reference"] for each in result if each["state"] == "succeeded")
        assert stage.files("inbound") == stage.files("working") == []
        if not steps.crashed:
            reached = crash_at
            break

    assert reached > 20


async def test_a_refund_that_never_got_there_is_made_by_a_new_one(stage: Stage) -> None:
    """Its first one failed for good; the movement belongs to the second."""
    paid = await stage.paid()
    stage.psps[CARDS].fail("refund_payment", NotSentError(CARDS, "no connection"))
    batch = (await stage.submit(file_of(line("M-1", paid)))).batch
    await stage.recover()

    assert [each.state for each in await stage.refunds(paid)] == [
        RefundState.FAILED,
        RefundState.SUCCEEDED,
    ]
    assert await stage.counts(batch.id) == {Standing.SUCCEEDED: 1}
    assert stage.made() == [("ch_cards_1", 500)]


async def test_an_answer_that_is_lost_is_found_and_not_repeated(stage: Stage) -> None:
    """The PSP acted, and said so to nobody."""
    paid = await stage.paid()
    lost = OutcomeUnknownError(CARDS, "no answer")
    stage.psps[CARDS].fail("refund_payment", lost, acted=True)
    batch = (await stage.submit(file_of(line("M-1", paid)))).batch
    await stage.application.workers.round()
    assert await stage.counts(batch.id) in (
        {Standing.SENT: 1},
        {Standing.SUCCEEDED: 1},
    )

    await stage.recover()
    assert await stage.counts(batch.id) == {Standing.SUCCEEDED: 1}
    assert stage.made() == [("ch_cards_1", 500)]
