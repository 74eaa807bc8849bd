"""Refunds, faults, deaths and refunds by hand in any order: in the end the books agree."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from gateway.domain.refund import RefundState
from gateway.errors import PaygateError
from gateway.payments.refreshing import PaymentChangingError
from psp.errors import PspError
from psp.stripe.sandbox.api_errors import ApiError
from tests.integration.gateway.refunding import (
    TOTAL_MINOR,
    at_stripe,
    bought,
    refund,
    refunded_minor,
    refunds,
)
from tests.support.rig import CrashError, Rig

_STEPS = 14
_KINDS = ("drop_after", "drop_before", "error_after", "error_before", "rate_limited")
_EXPECTED = (PaygateError, PspError, PaymentChangingError, CrashError)


class _Play:
    """What callers, Stripe, the network and the machine do."""

    def __init__(self, rig: Rig, payment_id: str, seed: int) -> None:
        self._rig = rig
        self._payment_id = payment_id
        self._random = Random(seed)  # noqa: S311 - a play that can be played again
        self._ids = 0

    async def step(self) -> None:
        acts = (
            self._refund,
            self._refund,
            self._refund_at_once,
            self._lose_answers,
            self._die_soon,
            self._by_hand,
            self._fail_later,
            self._settle,
            self._wait,
        )
        await self._random.choice(acts)()

    async def _refund(self) -> None:
        self._ids += self._random.random() < 0.7  # else the same request again
        minor = self._random.choice((None, 1, 100, 100, 700, 1500))
        await self._call(minor, f"r{self._ids}")

    async def _refund_at_once(self) -> None:
        self._ids += 2
        minor = self._random.choice((300, 1000))
        ids = (f"r{self._ids}", f"r{self._random.choice((self._ids, self._ids - 1))}")
        await asyncio.gather(*(self._call(minor, each) for each in ids))

    async def _call(self, minor: int | None, request_id: str) -> None:
        # The caller may be refused, put off, or left alone by a process that dies.
        with suppress(*_EXPECTED):
            await refund(self._rig, self._payment_id, minor, request_id=request_id)
        if self._rig.steps.crashed:
            self._rig.restart()

    async def _lose_answers(self) -> None:
        self._rig.sandbox.inject(
            self._random.choice(_KINDS),
            method=self._random.choice(("POST", "GET")),
            path_prefix="/v1/refunds",
            count=self._random.choice((1, 3)),
        )

    async def _die_soon(self) -> None:
        self._rig.restart(crash_at=self._random.randint(1, 8))

    async def _by_hand(self) -> None:
        with suppress(ApiError):  # perhaps nothing is left
            self._rig.sandbox.refund_by_hand(
                self._rig.intents()[0]["id"], self._random.choice((1, 100, 500))
            )

    async def _fail_later(self) -> None:
        made = [each["id"] for each in at_stripe(self._rig) if each["status"] == "succeeded"]
        if made:
            self._rig.sandbox.force_refund(self._random.choice(made), "failed", "declined")

    async def _settle(self) -> None:
        await self._rig.settle()

    async def _wait(self) -> None:
        self._rig.pass_time(minutes=self._random.choice((1, 5)))


@pytest.mark.parametrize("seed", range(8))
async def test_the_books_agree_in_the_end(rig: Rig, seed: int) -> None:
    """Every refund of Stripe's is one row here, no row claims what is not there, nothing over."""
    payment = await bought(rig)
    play = _Play(rig, payment.id, seed)

    for _ in range(_STEPS):
        await play.step()
    rig.sandbox.clear_faults()
    rig.restart()
    await rig.recover()

    theirs = {made["id"]: made for made in at_stripe(rig)}
    ours = {made.psp_reference: made for made in await refunds(rig) if made.psp_reference}
    # One that was made and failed there before anybody looked is nobody's news.
    fleeting = {
        reference
        for reference, made in theirs.items()
        if made["status"] == "failed" and not made["metadata"]
    }
    assert set(theirs) - fleeting <= set(ours) <= set(theirs)
    for reference, made in ours.items():
        assert (made.amount.amount_minor, made.state.value) == (
            theirs[reference]["amount"],
            theirs[reference]["status"],
        )
    given = sum(made["amount"] for made in theirs.values() if made["status"] != "failed")
    assert given <= TOTAL_MINOR
    assert await refunded_minor(rig, payment.id) == given
    nowhere = [made for made in await refunds(rig) if not made.psp_reference]
    assert {made.state for made in nowhere} <= {RefundState.FAILED}
    named = [made["metadata"].get("paygate_refund_id") for made in theirs.values()]
    assert len([each for each in named if each]) == len({each for each in named if each})
