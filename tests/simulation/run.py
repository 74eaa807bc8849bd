"""One seed, one run: draw the trouble, live through it, let it end, and see what holds."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import structlog

import gateway.ids
import gateway.lanes
import gateway.workers
from tests.simulation.chaos import DAY_S, HOUR_S, draw_chaos
from tests.simulation.controlling import QUIET_FROM_HOUR, Controller
from tests.simulation.invariants import check, check_before_reconciling
from tests.simulation.loop import SimulatedLoop, sqlite_without_threads
from tests.simulation.machine import RUNNING_IN, CrashError, machine_task
from tests.simulation.packing import Packer
from tests.simulation.refund_office import RefundOffice
from tests.simulation.rows import Problem, read_rows
from tests.simulation.shoppers import Purchase, Shopper, draw_purchase
from tests.simulation.staff import Analyst, Staff, draw_errand
from tests.simulation.trace import LogCapture
from tests.simulation.world import BEGIN_S, OGONE, World

DEFAULT_ORDERS: Final = 100
_ARRIVE_WITHIN_S: Final = 4 * HOUR_S
_BUSY_S: Final = 6 * HOUR_S
_TROUBLE_S: Final = 38 * HOUR_S
_DAYS: Final = 4
"""So many are reconciled: the trouble, and the quiet in which everything ends."""
_CATCH_UP_S: Final = 3 * DAY_S
_AFTERWARDS_S: Final = 9 * HOUR_S
_LATER_LOOK_EVERY_S: Final = 3 * HOUR_S
"""How often workers look without a hint once most is over; and in the quiet days: less is to do."""
_QUIET_LOOK_EVERY_S: Final = 4 * HOUR_S
_PAUSE_AFTER_FAULT_S: Final = 15.0


@dataclass
class Result:
    """How a run ended."""

    seed: int
    orders: int
    chaos: str
    problems: list[Problem]
    story: list[str] = field(default_factory=list)
    """What happened to the first order that something is wrong with."""
    digest: str = ""
    """Equal for equal runs."""


def run_seed(seed: int, orders: int = DEFAULT_ORDERS, about: str = "") -> Result:
    """Run one seed, exactly as every time before; tell the story of the order `about`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_rarely_collected())
        stack.enter_context(sqlite_without_threads())
        stack.enter_context(_repeatable(seed))
        stack.enter_context(_unhurried())
        stack.enter_context(_undurable())
        loop = SimulatedLoop()
        stack.callback(loop.close)
        loop.set_task_factory(machine_task)
        unheard: list[str] = []
        loop.set_exception_handler(partial(_keep_real_faults, unheard))
        return loop.run_until_complete(_run(seed, orders, folder, about, unheard))


async def _run(seed: int, orders: int, folder: Path, about: str, unheard: list[str]) -> Result:
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    chaos = draw_chaos(rng, _TROUBLE_S)
    world = World(rng, chaos, folder)
    capture = LogCapture(world.trace, world.now_s, _machine_name)
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    world.say(f"seed {seed}: {chaos}")
    await world.office.create_schema()
    purchases = [draw_purchase(world, number) for number in range(orders)]
    refunds, controller = RefundOffice(world, purchases), Controller(world)
    await _live(world, purchases, [refunds.work, controller.work])
    await _end(world, refunds, controller)
    gc.collect()  # a task that failed tells so once it is forgotten
    problems = await check(world, purchases)
    problems += [("", f"nobody heard of a failure: {each}") for each in unheard]
    story = await _story(world, problems, about)
    digest = digest_of(world.trace.lines)
    await world.close()
    return Result(seed, orders, str(chaos), problems, story, digest)


async def _live(
    world: World,
    purchases: Sequence[Purchase],
    offices: Sequence[Callable[[], Coroutine[Any, Any, None]]],
) -> None:
    """Let shoppers and staff do what they will, and everything go wrong that may."""
    loop = asyncio.get_running_loop()
    keeper = loop.create_task(world.keep_running(world.chaos.machines), context=Context())
    analyst = loop.create_task(Analyst(world).watch(), context=Context())
    people: list[asyncio.Task[None]] = [
        loop.create_task(work(), context=Context()) for work in offices
    ]
    for purchase in purchases:
        clerk = Staff(world, purchase, draw_errand(world, purchase))
        after_s = world.rng.uniform(0, _ARRIVE_WITHIN_S)
        people.extend(
            loop.create_task(_later(after_s, work), context=Context())
            for work in (Shopper(world, purchase).shop, clerk.work, Packer(world, purchase).work)
        )
    await asyncio.sleep(_BUSY_S)
    world.look_every_s = _LATER_LOOK_EVERY_S
    for machine in world.machines:
        machine.kill("for the night")
    await asyncio.sleep(_TROUBLE_S - _BUSY_S)
    await asyncio.wait(people)
    for each in people:
        each.result()
    for task in (keeper, analyst):
        task.cancel()
    await asyncio.wait([keeper, analyst])


async def _end(world: World, refunds: RefundOffice, controller: Controller) -> None:
    """Let the trouble end and time pass; after an outage an operator catches up with Ogone."""
    world.say("ALL TROUBLE ENDS")
    world.chaos.over = True
    world.look_every_s = _QUIET_LOOK_EVERY_S
    for machine in world.machines:
        machine.kill("for a new version")
    last = world.start_machine()
    world.machines = [last]
    loop = asyncio.get_running_loop()
    offices = [
        loop.create_task(work, context=Context())
        for work in (refunds.end(), _look(world), controller.daily(_DAYS))
    ]
    await asyncio.sleep(_CATCH_UP_S - world.now_s())
    if world.post.undelivered.get("ogone"):
        since = world.now().fromtimestamp(0, world.now().tzinfo)
        world.say("operator: paygate events catch-up for Ogone, which lists no events")
        await last.call(lambda gateway: gateway.catch_up.catch_up(OGONE, since, lambda _: None))
    await asyncio.gather(*offices)
    for _ in range(2):
        await controller.close(_DAYS)
        await asyncio.sleep(_AFTERWARDS_S)


async def _look(world: World) -> None:
    await asyncio.sleep(QUIET_FROM_HOUR * HOUR_S - world.now_s() - 1)
    world.problems += await check_before_reconciling(world)


async def _story(world: World, problems: Sequence[Problem], about: str) -> list[str]:
    """Return what happened to the first order that something is wrong with."""
    if not problems and not about:
        return []
    order_id = about or next((order for order, _ in problems if order), "")
    rows = await read_rows(world)
    names = {order_id}
    for payment in rows.by_order.get(order_id, []):
        names |= {payment.id, payment.psp_reference}
        entry = world.books.of_payment(payment.id)
        if entry is not None:
            names |= {refund.id.partition("/")[0] for refund in entry.refunds}
    names |= {each.id for each in rows.operations if each.payment_id in names}
    if not order_id:
        return [f"{text}" for _, text in world.trace.lines[-200:]]
    return world.trace.about(names)


async def _later(after_s: float, work: Any) -> None:
    await asyncio.sleep(after_s)
    await work()


def _machine_name() -> str:
    machine = RUNNING_IN.get()
    return machine.name if machine else "world"


def _keep_real_faults(
    unheard: list[str], loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    """Keep what failed unheard; let the dead rest: what a killed process was at is no fault."""
    if isinstance(context.get("exception"), CrashError):
        return
    unheard.append(repr(context.get("exception") or context["message"]))
    loop.default_exception_handler(context)


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Let the collector of cycles rest: it would walk all of the gateway's code again and again."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@contextmanager
def _unhurried() -> Iterator[None]:
    """Let workers pause for longer while the database is away: nothing is seen in their rounds."""
    modules: tuple[Any, ...] = (gateway.workers, gateway.lanes)
    usual = [module._PAUSE_AFTER_FAULT_S for module in modules]  # noqa: SLF001 - no setting: whoever runs a gateway needs none
    for module in modules:
        module._PAUSE_AFTER_FAULT_S = _PAUSE_AFTER_FAULT_S  # noqa: SLF001 - as above
    try:
        yield
    finally:
        for module, pause_s in zip(modules, usual, strict=True):
            module._PAUSE_AFTER_FAULT_S = pause_s  # noqa: SLF001 - as above


def _at_once(fd: object) -> None:
    """Stand in for `os.fsync`."""


@contextmanager
def _undurable() -> Iterator[None]:
    """Let files not be waited for until they are on the disk: no machine loses its power here."""
    usual = os.fsync
    os.fsync = _at_once
    try:
        yield
    finally:
        os.fsync = usual


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Let everything that draws by chance draw the same for the same seed: ids, jitter."""
    drawn = random.Random(seed)  # noqa: S311 - repeatable on purpose
    module: Any = gateway.ids
    kept = (module.os, module.time, module._Last.value)  # noqa: SLF001 - ids must not depend on the runs before
    state = random.getstate()

    def time_ns() -> int:
        return int((BEGIN_S + asyncio.get_running_loop().time()) * 1e9)

    module.os = SimpleNamespace(urandom=drawn.randbytes)
    module.time = SimpleNamespace(time_ns=time_ns)
    module._Last.value = 0  # noqa: SLF001 - as above
    random.seed(seed)
    try:
        yield
    finally:
        module.os, module.time, module._Last.value = kept  # noqa: SLF001 - as above
        random.setstate(state)
        structlog.reset_defaults()


def digest_of(lines: Sequence[tuple[float, str]]) -> str:
    """Return a digest of a trace: equal for equal runs."""
    told = hashlib.sha256()
    for at, text in lines:
        told.update(f"{at!r} {text}\n".encode())
    return told.hexdigest()[:16]
