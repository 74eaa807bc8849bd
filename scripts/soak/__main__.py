"""`make soak`: minutes of mixed load on a real gateway; 1 if it does not give back what it took."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from scripts.soak.judging import Sample, TooShortError, judge
from scripts.soak.load import Load
from scripts.soak.planted import LEAKS
from scripts.soak.report import table, write
from scripts.soak.sampling import Looker
from scripts.soak.stage import Stage, running_stage

_SHOWN_FAULTS: Final = 20
_EVERY_S: Final = 3.0
_REST_S: Final = 32.0
"""Idle connections to the PSPs are closed after 15 to 30 seconds (aiohttp, TCPConnector)."""


@dataclass(frozen=True)
class Plan:
    """How it is run."""

    minutes: float
    load_s: float
    rest_s: float
    plant: str
    kafka: bool
    seed: int


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    parser.add_argument("--load-s", type=float, default=24, help="seconds of load at a time (24)")
    parser.add_argument(
        "--rest-s", type=float, default=_REST_S, help=f"seconds of quiet after it ({_REST_S:.0f})"
    )
    parser.add_argument(
        "--plant", default="", help=f"plant leaks, to see them noticed: {','.join(LEAKS)}"
    )
    parser.add_argument("--kafka", action="store_true", help="deliver by a broker")
    parser.add_argument("--seed", type=int, default=1, help="of the load's dice (1)")
    plan = Plan(**vars(parser.parse_args()))
    if unknown := set(plan.plant.split(",")) - {"", *LEAKS}:
        parser.error(f"no such leak: {', '.join(sorted(unknown))}")
    return plan


class Soak:
    """Load and rest in turn, and samples all the while."""

    def __init__(self, plan: Plan, stage: Stage) -> None:
        self._plan = plan
        self._stage = stage
        self.load = Load(stage, plan.seed)
        self.samples: list[Sample] = []
        self._rest = 0
        self._started_s = time.monotonic()

    async def run(self, progress: Progress, bar: TaskID) -> None:
        """Run for the planned time, in whole rounds of load and rest."""
        sampling = asyncio.create_task(self._sample(progress, bar))
        try:
            rounds = 0
            await self.load.begin()
            while not rounds or self._elapsed_s < self._plan.minutes * 60:
                rounds += 1
                await self.load.run(self._plan.load_s)
                await self._settle()
                self._rest = rounds
                await asyncio.sleep(2 * _EVERY_S)
                self._rest = 0
                if sampling.done():
                    break
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        if not sampling.cancelled():
            sampling.result()

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    async def _settle(self) -> None:
        """Let the PSPs say the last of it, and idle connections end."""
        self._stage.sandboxes.stripe.clear_faults()
        self._stage.sandboxes.ogone.clear_faults()
        self._stage.sandboxes.ogone.books()  # what is due there is carried out when looked at
        await asyncio.sleep(self._plan.rest_s)

    async def _sample(self, progress: Progress, bar: TaskID) -> None:
        sandboxes = self._stage.sandboxes
        psps = [urlsplit(each.address).port or 0 for each in (sandboxes.stripe, sandboxes.ogone)]
        looker = Looker(
            self._stage.process.pid,
            self._stage.http_address,
            database_ports=[self._stage.database_port],
            psp_ports=psps,
        )
        async with aiohttp.ClientSession() as session:
            while True:
                rest = self._rest
                calls, figures = await looker.look(session)
                # A quiet moment is one from before the look to after it.
                self.samples.append(
                    Sample(
                        round(self._elapsed_s, 1),
                        calls,
                        rest if rest == self._rest else 0,
                        figures,
                    )
                )
                progress.update(
                    bar,
                    completed=self._elapsed_s,
                    description=f"{calls:,} calls, {figures['memory_kib'] // 1024} MiB, "
                    f"{figures['tasks']} tasks, {figures['handles']} handles",
                )
                await asyncio.sleep(_EVERY_S / 2)


async def _main(plan: Plan, console: Console) -> int:
    folder = Path(tempfile.mkdtemp(prefix="paygate-soak-"))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    async with running_stage(folder, plant=plan.plant, kafka=plan.kafka) as stage:
        soak = Soak(plan, stage)
        with Progress(*columns, console=console) as progress:
            await soak.run(progress, progress.add_task("", total=plan.minutes * 60))
        faults = [*soak.load.faults, *stage.faults()]
    for outcome, count in sorted(soak.load.outcomes.items()):
        console.print(f"{count:6} {outcome}", highlight=False)
    for fault in faults[:_SHOWN_FAULTS]:
        console.print(f"fault: {fault}", markup=False, highlight=False, soft_wrap=True)
    try:
        findings, code = judge(soak.samples), 0
    except TooShortError as error:
        console.print(str(error))
        findings, code = [], 2
    file = folder / "soak.json"
    write(file, soak.samples, findings)
    leaks = [found.figure for found in findings if found.leaks]
    if findings:
        console.print(table(findings))
        console.print(f"leaks: {', '.join(leaks) or 'none'}; faults: {len(faults)}")
    console.print(f"samples: {file}\nthe gateway's log: {stage.log}", soft_wrap=True)
    return 1 if leaks or faults else code


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(_plan(), Console())))
