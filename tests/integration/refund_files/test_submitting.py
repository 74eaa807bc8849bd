"""A file is taken line by line, its movements once for ever, and each becomes one refund."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.domain.refund import RefundCause, RefundState
from gateway.domain.refund_batch import BatchState, RefundBatch
from gateway.domain.refund_movement import Standing
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.refund_files import service
from gateway.refund_files.reading import BatchReading
from gateway.refund_files.values import BatchOptions, LineRefusal
from gateway.storage.database import Database
from gateway.storage.refund_batches import get_batch
from gateway.storage.refund_movements import movements_by_id
from psp.errors import MisconfiguredError, RateLimitedError, RejectedError, UnavailableError
from psp.port import RefundStatus
from tests.integration.refund_files.stage import HEAD, Stage, file_of, line
from tests.support.shop import CARDS, WALLETS


async def test_each_movement_becomes_one_refund(stage: Stage) -> None:
    """At the account of its payment, tied to its line, and counted by the payment."""
    first, second = await stage.paid(1), await stage.paid(2, WALLETS)
    submitted = await stage.submit(
        file_of(
            line("M-1", first),
            line("M-2", second, "19.99", 2, reason="duplicate"),
            line("M-3", first, "7"),
        )
    )
    batch = submitted.batch
    assert (batch.state, batch.lines, batch.accepted) == (BatchState.READ, 3, 3)
    assert await stage.counts(batch.id) == {Standing.WAITING: 3}
    assert not await stage.is_done(batch.id)

    await stage.settle()

    assert await stage.counts(batch.id) == {Standing.SUCCEEDED: 3}
    assert await stage.is_done(batch.id)
    assert stage.made() == [("ch_cards_1", 500), ("ch_cards_1", 700)]
    assert stage.made(WALLETS) == [("ch_wallets_2", 1999)]
    (made,) = await stage.refunds(second)
    assert (made.cause, made.reason) == (RefundCause.FILE, "duplicate")
    movement = (await movements_by_id(stage.database, ["M-2"]))["M-2"]
    assert (movement.refund_id, movement.line_number) == (made.id, 3)
    assert await stage.refunded_minor(first) == 1200


async def test_bad_lines_are_told_and_good_ones_go_on(stage: Stage) -> None:
    """Each with its number, its movement and its reason."""
    paid = await stage.paid()
    submitted = await stage.submit(
        file_of(
            line("M-1", paid),
            "nonsense",
            line("M-3", paid, "-5.00"),
            line("M-4", "pay_" + "0" * 26),
            line("M-5", paid, number=2),
            line("M-6", paid, currency="USD"),
            line("M-7", paid, "20.00"),
            line("M-8", "", psp_account="nobody", psp_reference="x"),
            line("M-1", paid, "6.00"),
            line("M-9", paid, "1.00"),
        )
    )
    await stage.settle()

    assert [(each.number, each.movement_id, each.reason) for each in submitted.refusals] == [
        (3, "", LineRefusal.MALFORMED),
        (4, "M-3", LineRefusal.INVALID_AMOUNT),
        (5, "M-4", LineRefusal.UNKNOWN_PAYMENT),
        (6, "M-5", LineRefusal.OTHER_ORDER),
        (7, "M-6", LineRefusal.WRONG_CURRENCY),
        (8, "M-7", LineRefusal.EXCEEDS_REMAINING),
        (9, "M-8", LineRefusal.UNKNOWN_ACCOUNT),
        (10, "M-1", LineRefusal.MOVEMENT_REUSED),
    ]
    batch = submitted.batch
    assert (batch.lines, batch.accepted, batch.refused) == (10, 2, 8)
    assert stage.made() == [("ch_cards_1", 500), ("ch_cards_1", 100)]


async def test_a_file_again_changes_nothing(stage: Stage) -> None:
    """Nor one that overlaps with it: what is new in that goes on."""
    paid = await stage.paid()
    await stage.submit(file_of(line("M-1", paid), line("M-2", paid)))
    await stage.settle()

    again = await stage.submit(file_of(line("M-1", paid), line("M-2", paid)), "r2")
    more = await stage.submit(
        file_of(line("M-2", paid), line("M-3", paid), line("M-3", paid)), "r3"
    )
    await stage.settle()

    assert (again.batch.accepted, again.batch.duplicates, again.refusals) == (0, 2, [])
    assert (more.batch.accepted, more.batch.duplicates) == (1, 2)
    assert await stage.is_done(again.batch.id)
    assert await stage.counts(more.batch.id) == {Standing.SUCCEEDED: 1}
    assert len(stage.made()) == 3


async def test_files_at_once_accept_a_movement_once(stage: Stage) -> None:
    """Whoever comes second finds it accepted."""
    paid = [await stage.paid(number) for number in range(1, 6)]
    text = file_of(*(line(f"M-{n}", each, number=n) for n, each in enumerate(paid, 1)))

    submitted = await asyncio.gather(*(stage.submit(text, f"r{n}") for n in range(4)))
    await stage.settle()

    assert sum(each.batch.accepted for each in submitted) == 5
    assert sum(each.batch.duplicates for each in submitted) == 15
    assert len(stage.made()) == 5


async def test_a_request_again_is_answered_as_before(stage: Stage) -> None:
    """The same batch; with another file the id is refused."""
    paid = await stage.paid()
    text = file_of(line("M-1", paid), "nonsense")
    first = await stage.submit(text)

    assert await stage.submit(text) == first
    with pytest.raises(PaygateError) as refused:
        await stage.submit(text + "more")
    assert refused.value.reason is Reason.REQUEST_ID_REUSED


@pytest.mark.parametrize("text", ["", HEAD.replace(",", ";") + "\nx", "a,b\n1,2\n"])
async def test_a_file_that_is_none_is_refused_whole(stage: Stage, text: str) -> None:
    """Nothing of it is done, its batch says why, and the request may be made again."""
    with pytest.raises(PaygateError) as refused:
        await stage.submit(text)
    error = refused.value
    assert (error.reason, error.fields[0].field) == (Reason.INVALID_FIELDS, "chunk")

    batch = (await stage.application.refund_batches.get(error.metadata["batch_id"])).batch
    assert (batch.state, batch.lines) == (BatchState.REFUSED, 0)
    assert batch.message == error.message
    assert (await stage.submit(HEAD)).batch.lines == 0


async def test_a_payment_of_before_is_refunded_by_its_reference(stage: Stage) -> None:
    """It is taken in once, and pinned; one that the PSP does not know is refused then."""
    reference = stage.paid_before(7)
    there = {"psp_account": CARDS, "psp_reference": reference}
    submitted = await stage.submit(
        file_of(
            line("M-1", "", number=7, **there),
            line("M-2", "", number=7, **there),
            line("M-3", "", number=8, **there),
            line("M-4", "", psp_account=CARDS, psp_reference="nobody"),
        )
    )
    await stage.settle()

    assert stage.made() == [(reference, 500), (reference, 500)]
    assert await stage.counts(submitted.batch.id) == {Standing.SUCCEEDED: 2, Standing.REFUSED: 2}
    assert await stage.is_done(submitted.batch.id)


async def test_two_movements_for_one_rest_are_not_both_carried_out(stage: Stage) -> None:
    """Both fit when they are read; the second does not when its turn comes."""
    paid = await stage.paid()
    submitted = await stage.submit(file_of(line("M-1", paid, "12.00"), line("M-2", paid, "12.00")))
    await stage.settle()

    assert stage.made() == [("ch_cards_1", 1200)]
    assert await stage.counts(submitted.batch.id) == {Standing.SUCCEEDED: 1, Standing.REFUSED: 1}


async def test_what_the_psp_refuses_is_refused_for_good(stage: Stage) -> None:
    """With its code; the same line again does not try once more."""
    paid = await stage.paid()
    stage.psps[CARDS].fail("refund_payment", RejectedError(CARDS, "disputed", "charge_disputed"))
    text = file_of(line("M-1", paid))
    batch = (await stage.submit(text)).batch
    await stage.settle()
    await stage.submit(text, "r2")
    await stage.recover()

    assert await stage.counts(batch.id) == {Standing.REFUSED: 1}
    assert stage.made() == []
    assert len(stage.psps[CARDS].calls_of("refund_payment")) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        RateLimitedError(CARDS, "slow down", retry_after_s=60.0),
        UnavailableError(CARDS, "maintenance"),
        MisconfiguredError(CARDS, "the key is revoked"),
    ],
)
async def test_trouble_puts_off_and_the_account_rests(stage: Stage, trouble: Exception) -> None:
    """One hears of it for all; later each is carried out once, and other accounts go on."""
    stage.settings = {"refund_at_once": 1}
    stage.restart()
    paid = [await stage.paid(number) for number in range(1, 5)]
    other = await stage.paid(9, WALLETS)
    stage.psps[CARDS].fail("refund_payment", trouble)
    batch = (
        await stage.submit(
            file_of(
                *(line(f"M-{n}", each, number=n) for n, each in enumerate(paid, 1)),
                line("M-9", other, number=9),
            )
        )
    ).batch
    await stage.settle()

    assert len(stage.psps[CARDS].calls_of("refund_payment")) == 1
    assert len(stage.made(WALLETS)) == 1
    assert await stage.counts(batch.id) == {Standing.WAITING: 4, Standing.SUCCEEDED: 1}

    await stage.recover()
    assert await stage.counts(batch.id) == {Standing.SUCCEEDED: 5}
    assert len(stage.made()) == 4
    movements = await movements_by_id(stage.database, ["M-1", "M-2", "M-3", "M-4"])
    assert sum(each.attempts for each in movements.values()) == 1


async def test_a_refund_that_fails_later_shows_in_its_batch(stage: Stage) -> None:
    """It was pending, succeeded, and came back."""
    paid = await stage.paid()
    stage.psps[CARDS].refund_status = RefundStatus.PENDING
    batch = (await stage.submit(file_of(line("M-1", paid)))).batch
    await stage.settle()
    assert await stage.counts(batch.id) == {Standing.PENDING: 1}
    assert await stage.is_done(batch.id)

    (made,) = stage.psps[CARDS].refunds
    stage.psps[CARDS].fail_refund(made)
    stage.jobs |= {"refund_confirmations"}
    stage.restart()
    stage.pass_time(hours=7)
    await stage.settle()

    assert await stage.counts(batch.id) == {Standing.FAILED: 1}
    (refund,) = await stage.refunds(paid)
    assert refund.state is RefundState.FAILED


async def test_whoever_leaves_half_way_may_send_the_file_again(stage: Stage) -> None:
    """What had come is accepted; the batch says that it was broken off."""
    paid = [await stage.paid(number) for number in range(1, 4)]
    lines = [line(f"M-{n}", each, number=n) for n, each in enumerate(paid, 1)]
    text = file_of(*lines)
    with pytest.raises(ConnectionResetError):
        await stage.application.refund_batches.submit(
            _options("r1"), _broken(text[: len(HEAD) + 200].encode())
        )

    again = (await stage.submit(text)).batch
    await stage.settle()

    assert again.accepted == 3
    assert len(stage.made()) == 3


async def test_whoever_leaves_while_lines_are_accepted_breaks_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stored after all, between the look at the batch and the word that it is over."""
    text = file_of(line("M-1", await stage.paid()))
    under_way, looked_at, accepted = asyncio.Event(), asyncio.Event(), asyncio.Event()
    accept = BatchReading._accept  # noqa: SLF001 - the moment that is tested is inside of it
    ids: list[str] = []

    async def late(self: BatchReading, batch: RefundBatch, lines: Any) -> RefundBatch:
        under_way.set()
        await looked_at.wait()
        after = await accept(self, batch, lines)
        accepted.set()
        return after

    async def looked(database: Database, batch_id: str) -> RefundBatch | None:
        found = await get_batch(database, batch_id)
        ids.append(batch_id)
        looked_at.set()
        await accepted.wait()
        return found

    monkeypatch.setattr(BatchReading, "_accept", late)
    monkeypatch.setattr(service, "get_batch", looked)
    sent = asyncio.ensure_future(
        stage.application.refund_batches.submit(_options("r1"), _whole(text.encode()))
    )
    await under_way.wait()
    sent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sent
    await stage.application.shield.drain(60)

    batch = await get_batch(stage.database, ids[0])
    assert batch is not None
    assert (batch.state, batch.accepted) == (BatchState.BROKEN_OFF, 1)


def _options(request_id: str) -> BatchOptions:
    return BatchOptions(RequestKey("tests", "SubmitRefundBatch", request_id), "refunds.csv")


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _broken(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise ConnectionResetError("the caller left")
