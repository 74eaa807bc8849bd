"""Controlling: it reconciles both accounts every day, in the midst of trouble and after it."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any, Final

from gateway.bootstrap import Application
from gateway.domain.discrepancy import Discrepancy, DiscrepancyFilter
from gateway.domain.reconciliation import Reconciliation, RunState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.reconciliation.commands import RunCommand
from psp.money import Money
from psp.settlements import SettlementPeriod
from tests.simulation.chaos import HOUR_S
from tests.simulation.world import OGONE, PASSING, STRIPE, World

ACCOUNTS: Final = (STRIPE, OGONE)
_ASKS_AT_HOUR: Final = 13.5
"""Of the next day: Stripe has its reports twelve hours after a day has ended."""
QUIET_FROM_HOUR: Final = 67.0
"""Nobody reconciles before, once it is quiet: what ends without it is looked at first. What Ogone
was uncertain of in the last hour of trouble is known a day later, and seen by the next look."""
_IN_TROUBLE_AT_HOUR: Final = (25.0, 34.0)
_DRIFTS: Final = ("missing", "doubled", "wrong_amount", "wrong_currency")
"""How a PSP may tell its books wrongly for a while; they are told rightly in the end."""
_MOST_TRIES: Final = 40
_MOST_STEPS: Final = 90
_PATIENCE_S: Final = 120.0
_MOST_LISTED: Final = 1000


class Controller:
    """Who asks for the runs, and keeps what they said."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self._number = 0

    async def work(self) -> None:
        """Reconcile the first day while things go wrong, and every day after it."""
        await self._wait(self._rng.uniform(*_IN_TROUBLE_AT_HOUR))
        self._add_foreign_line()
        self._drift()
        first = self._day(0)
        for account in self._rng.sample(ACCOUNTS, len(ACCOUNTS)):
            machine = self._world.living()
            if machine is not None and self._rng.random() < 0.7:
                machine.die_within(self._rng.randrange(1, _MOST_STEPS))
            await self._reconciled(account, SettlementPeriod(first, first), tries=3)

    async def daily(self, days: int) -> None:
        """Reconcile each day once it is over, in the quiet after the trouble."""
        self._world.stripe.end_drift()
        self._world.ogone.end_drift()
        for number in range(days):
            await self._wait(max(QUIET_FROM_HOUR, 24.0 * (number + 1) + _ASKS_AT_HOUR))
            day = self._day(number)
            for account in ACCOUNTS:
                await self._done(account, SettlementPeriod(day, day))

    async def close(self, days: int) -> None:
        """Reconcile all of it at once, and note what is open then."""
        period = SettlementPeriod(self._day(0), self._day(days - 1))
        runs = [run for account in ACCOUNTS if (run := await self._done(account, period))]
        self._world.ledger.passes.append((runs, await self._discrepancies()))

    async def _done(self, account: str, period: SettlementPeriod) -> Reconciliation | None:
        run = await self._reconciled(account, period, tries=_MOST_TRIES)
        if run is None:
            self._world.problems.append(("", f"{account} {period} could not be reconciled"))
        return run

    async def _reconciled(
        self, account: str, period: SettlementPeriod, tries: int
    ) -> Reconciliation | None:
        """Ask until a run is done; None if it never was."""
        command = self._command(account, period)
        for _ in range(tries):
            run = await self._asked(command)
            if run is not None:
                if run.state is RunState.DONE:
                    return run
                if run.state is RunState.FAILED:
                    command = self._command(account, period)
            await asyncio.sleep(self._rng.uniform(300, HOUR_S))
        return None

    async def _asked(self, command: RunCommand) -> Reconciliation | None:
        machine = self._world.living()
        who = f"controlling ({command.key.request_id})"
        if machine is None:
            return None
        try:
            run = await machine.call(lambda gateway: _run(gateway, command), _PATIENCE_S)
        except (*PASSING, PaygateError) as error:
            self._world.say(f"{who}: no answer ({type(error).__name__} {error})")
            return None
        counts = run.counts
        self._world.say(
            f"{who}: {run.id} is {run.state} {run.detail}: {run.line_count} lines, "
            f"{counts.found} found, {counts.new} new, {counts.healed} healed, "
            f"{counts.settled} settled"
        )
        return run

    def _command(self, account: str, period: SettlementPeriod) -> RunCommand:
        self._number += 1
        name = f"{account}-{period.first_day}-{period.last_day}-{self._number}"
        return RunCommand(RequestKey("controlling", "RunReconciliation", name), account, period)

    async def _discrepancies(self) -> list[Discrepancy]:
        machine = self._world.living()
        assert machine is not None
        page = await machine.call(
            lambda gateway: gateway.reconciliations.list_discrepancies(
                DiscrepancyFilter(), "", _MOST_LISTED
            )
        )
        return list(page.discrepancies)

    def _day(self, number: int) -> date:
        return self._world.begin.date() + timedelta(days=number)

    async def _wait(self, hour: float) -> None:
        await asyncio.sleep(max(0.0, hour * HOUR_S - self._world.now_s()))

    # ------------------------------------------------------------ what is in the PSPs' books
    def _add_foreign_line(self) -> None:
        """Let somebody else use Stripe's account now and then: such a line stays open for ever."""
        if self._rng.random() < 0.5:
            money = Money(self._rng.randrange(100, 5000), "EUR")
            key = self._world.stripe_key
            line = self._world.stripe.book(key, "charge", money.amount_minor, money.currency)
            self._world.ledger.foreign_lines[line] = money
            self._world.say(f"somebody else takes {money} at Stripe: {line}")

    def _drift(self) -> None:
        """Let the newest line of a PSP be told wrongly, until the trouble ends."""
        chosen = self._rng.choice(("", "", *ACCOUNTS))
        if not chosen:
            return
        kind = self._rng.choice(_DRIFTS)
        sandbox: Any = self._world.stripe if chosen == STRIPE else self._world.ogone
        try:
            line = sandbox.drift(kind)
        except LookupError:
            return  # nothing was sold there
        self._world.say(f"{chosen} tells its books wrongly: {line} is {kind}")


async def _run(gateway: Application, command: RunCommand) -> Reconciliation:
    last: Any = None
    async for step in gateway.reconciliations.run(command):
        last = step
    assert isinstance(last, Reconciliation)
    return last
