"""What stands before an account's calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
import structlog.testing

from psp.breaker import BreakerRules, BreakerState
from psp.errors import (
    AccountBusyError,
    BreakerOpenError,
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from psp.guard import Guard

_RULES = BreakerRules(failures=2, pause_s=5.0)
_DOWN = UnavailableError("stripe_eu", "down")


@dataclass
class _Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def _guard(clock: _Clock | None = None, *, at_once: int = 3, wait_s: float = 60.0) -> Guard:
    return Guard("stripe_eu", at_once=at_once, wait_s=wait_s, rules=_RULES, clock=clock or _Clock())


async def _call(guard: Guard, error: BaseException | None = None) -> None:
    async with guard.call():
        if error is not None:
            raise error


async def _fail(guard: Guard, error: BaseException = _DOWN, times: int = 2) -> None:
    for _ in range(times):
        with pytest.raises(type(error)):
            await _call(guard, error)


@pytest.mark.parametrize(
    "error,opens",
    [
        (NotSentError("a", "d"), True),
        (UnavailableError("a", "d"), True),
        (OutcomeUnknownError("a", "d"), True),
        (RejectedError("a", "d"), False),
        (NotFoundError("a", "d"), False),
        (RateLimitedError("a", "d"), False),
        (MisconfiguredError("a", "d"), False),
        (ZeroDivisionError(), False),
        (asyncio.CancelledError(), False),
    ],
)
async def test_what_opens_it(error: BaseException, opens: bool) -> None:
    """Being down or silent does; an answer of any kind does not, nor does a caller who gave up."""
    guard = _guard()

    await _fail(guard, error)

    assert (BreakerState.OPEN if opens else BreakerState.CLOSED) is guard.state


async def test_an_answer_begins_the_count_anew() -> None:
    """Only failures in a row open it."""
    guard = _guard()

    for _ in range(3):
        await _fail(guard, times=1)
        await _call(guard)

    assert guard.state is BreakerState.CLOSED


async def test_an_open_one_says_when_to_come_again() -> None:
    """The call is refused before it begins, and the refusal says until when."""
    clock = _Clock()
    guard = _guard(clock)
    await _fail(guard)
    clock.now_s += 2

    with pytest.raises(BreakerOpenError, match=r"breaker open: .*next probe in 3.0 s") as caught:
        await _call(guard)

    assert caught.value.retry_after_s == pytest.approx(3.0)


async def test_one_probe_goes_first() -> None:
    """While it is under way the others are refused; its answer lets everybody through."""
    clock = _Clock()
    guard = _guard(clock)
    await _fail(guard)
    clock.now_s += 5

    states = []
    async with guard.call():
        states.append(guard.state)
        with pytest.raises(BreakerOpenError, match="half_open"):
            await _call(guard)
    states.append(guard.state)

    assert states == [BreakerState.HALF_OPEN, BreakerState.CLOSED]
    await _call(guard)


async def test_a_probe_whose_caller_gave_up_leaves_room_for_another() -> None:
    """It found out nothing, and nobody waits for it."""
    clock = _Clock()
    guard = _guard(clock)
    await _fail(guard)
    clock.now_s += 5

    await _fail(guard, asyncio.CancelledError(), times=1)
    await _call(guard)

    assert guard.state is BreakerState.CLOSED


async def test_a_late_answer_of_before_does_not_close_it() -> None:
    """A call that began before it opened says how things were then."""
    guard = _guard()

    async with guard.call():
        await _fail(guard)

    assert guard.state is BreakerState.OPEN


async def test_more_calls_than_it_has_room_for_wait_their_turn() -> None:
    """Never more than its number are under way, and as many again get through."""
    guard, inside, most = _guard(at_once=2), 0, 0

    async def call() -> None:
        nonlocal inside, most
        async with guard.call():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(call() for _ in range(4)))

    assert most == 2


async def test_no_more_wait_than_may_be_under_way() -> None:
    """Who comes then is refused at once; whoever waited, or gave up waiting, makes room again."""
    guard, hanging = _guard(at_once=2), asyncio.Event()

    async def hang() -> None:
        async with guard.call():
            await hanging.wait()

    calls = [asyncio.create_task(hang()) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(AccountBusyError, match="2 calls are under way, and as many wait: not sent"):
        await _call(guard)
    calls[3].cancel()
    await asyncio.wait([calls[3]])
    calls[3] = asyncio.create_task(_call(guard))
    await asyncio.sleep(0)
    hanging.set()

    await asyncio.gather(*calls)


async def test_who_waits_too_long_was_not_sent() -> None:
    """The wait is bounded, and no failure of the calls that hang and keep their places."""
    guard = _guard(at_once=1, wait_s=0.01)

    async with guard.call():
        for _ in range(3):
            with pytest.raises(AccountBusyError, match="1 calls are under way"):
                await _call(guard)

    assert guard.state is BreakerState.CLOSED
    await _call(guard)


async def test_who_waited_is_refused_if_it_opened_meanwhile() -> None:
    """A turn that comes after the PSP went down is no turn, and takes up no place."""
    clock = _Clock()
    guard = _guard(clock, at_once=1, wait_s=0.01)
    await _fail(guard, times=1)
    hanging = asyncio.Event()

    async def hang() -> None:
        async with guard.call():
            await hanging.wait()
            raise _DOWN

    first = asyncio.create_task(hang())
    await asyncio.sleep(0)
    second = asyncio.create_task(_call(guard))
    await asyncio.sleep(0)
    hanging.set()

    ends = await asyncio.gather(first, second, return_exceptions=True)
    clock.now_s += 5
    await _call(guard)  # the one place there is

    assert [type(end) for end in ends] == [UnavailableError, BreakerOpenError]


async def test_every_change_is_told() -> None:
    """To the log and to the observer, which hears of the beginning too."""
    clock, heard = _Clock(), list[tuple[str, BreakerState]]()
    guard = Guard(
        "stripe_eu",
        at_once=1,
        wait_s=1,
        rules=_RULES,
        clock=clock,
        observe=lambda account, state: heard.append((account, state)),
    )

    with structlog.testing.capture_logs() as lines:
        await _fail(guard)
        clock.now_s += 5
        await _call(guard)

    states = ["closed", "open", "half_open", "closed"]
    assert heard == [("stripe_eu", BreakerState(state)) for state in states]
    assert [line["state"] for line in lines if line["event"] == "psp_breaker"] == states[1:]
