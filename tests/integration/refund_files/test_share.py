"""Refunds of files leave live payments their share of a PSP account."""

from __future__ import annotations

import asyncio

from gateway.domain.payment import PaymentState
from gateway.domain.refund_movement import Standing
from gateway.lanes import Lanes
from gateway.storage.job_leases import try_lease
from tests.integration.refund_files.stage import Stage, file_of, line
from tests.support.rig import SteppedProvider, creation
from tests.support.shop import CARDS, WALLETS


async def _file(stage: Stage, movements: int, account: str = CARDS) -> str:
    first = 1 if account == CARDS else 100
    numbers = range(first, first + movements)
    paid = {number: await stage.paid(number, account) for number in numbers}
    return file_of(*(line(f"M-{n}", each, number=n) for n, each in paid.items()))


async def test_a_file_holds_only_its_part_of_an_account_that_hangs(stage: Stage) -> None:
    """All its refunds stand at the PSP, and a shopper pays there meanwhile."""
    stage.settings = {"refund_at_once": 3}
    stage.restart()
    batch = (await stage.submit(await _file(stage, 12))).batch
    psp = stage.psps[CARDS]
    gates = [psp.hold("refund_payment") for _ in range(3)]
    working = asyncio.create_task(stage.application.workers.round())
    for gate in gates:
        await gate.reached()

    paid = await stage.application.payments.create(creation(country_code="DE"), None)
    counts = await stage.counts(batch.id)

    assert paid.payment.psp_account == CARDS
    assert paid.payment.state is PaymentState.AWAITING_CUSTOMER
    assert len(psp.calls_of("refund_payment")) == 3
    assert counts == {Standing.SENT: 3, Standing.WAITING: 9}
    for gate in gates:
        gate.open()
    await working
    await stage.settle()
    assert await stage.counts(batch.id) == {Standing.SUCCEEDED: 12}


async def test_an_account_that_hangs_holds_up_no_other_one(stage: Stage) -> None:
    """Each has its own lane."""
    slow, quick = await _file(stage, 3), await _file(stage, 3, WALLETS)
    await stage.submit(slow, "r1")
    await stage.submit(quick, "r2")
    gates = [stage.psps[CARDS].hold("refund_payment") for _ in range(3)]
    working = asyncio.create_task(stage.application.workers.round())
    for gate in gates:
        await gate.reached()
    (job,) = (job for job in stage.application.workers.jobs if job.name == "refund_files")
    assert isinstance(job.lanes, Lanes)
    while WALLETS in job.lanes.taken():  # noqa: ASYNC110 - a lane tells nobody but its own worker
        await asyncio.sleep(0.01)

    assert (len(stage.made(WALLETS)), stage.made()) == (3, [])
    for gate in gates:
        gate.open()
    await working
    assert len(stage.made()) == 3


async def test_refunds_go_at_the_rate_that_is_set(stage: Stage) -> None:
    """However many wait, and however quickly the PSP answers."""
    stage.settings = {"refund_rate_per_s": 50.0}
    stage.restart()
    await stage.submit(await _file(stage, 15))
    sent = []

    async def note(_key: str) -> None:
        sent.append(asyncio.get_running_loop().time())

    _provider(stage).before_change = note
    await stage.settle()

    assert len(sent) == 15
    # A quarter of a second of delays may be caught up with; the rest keeps its distance.
    assert sent[-1] - sent[0] >= (15 - 1) / 50 - 0.25


async def test_one_replica_at_a_time_sends_to_an_account(stage: Stage) -> None:
    """So that the rate is the account's, and not each replica's."""
    await stage.submit(await _file(stage, 2))
    now = stage.now()
    later = now.replace(year=now.year + 1)
    assert await try_lease(stage.database, f"refund_files:{CARDS}", "another", now, later)

    await stage.settle()
    assert stage.made() == []


async def test_replicas_over_one_database_refund_each_movement_once(stage: Stage) -> None:
    """Whoever has the account does it all; the others find nothing left."""
    batch = (await stage.submit(await _file(stage, 10))).batch
    others = []
    for _ in range(2):
        others.append(stage.application)
        stage.restart()
    await asyncio.gather(stage.settle(), *(application.workers.round() for application in others))
    await stage.recover()

    assert await stage.counts(batch.id) == {Standing.SUCCEEDED: 10}
    assert len(stage.made()) == 10


def _provider(stage: Stage) -> SteppedProvider:
    provider = stage.application.doors.providers[CARDS]
    assert isinstance(provider, SteppedProvider)
    return provider
