"""Playing the steps in order, and the exit code."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from gateway.cli_output import print_json
from gateway.client import PaygateRpcError
from gateway.demo.stage import Stage, open_stage
from gateway.demo.steps import STEPS, Step
from gateway.demo.telling import PromiseBrokenError, Telling
from gateway.logs import configure_logging

_STEP_TIMEOUT_S: Final = 60.0


def main(*, json_output: bool) -> int:
    """Play every step; 0 if each ended as promised, 1 if one did not."""
    configure_logging("console", "error")
    telling = Telling(None if json_output else Console(stderr=False))
    with tempfile.TemporaryDirectory(prefix="paygate-demo-") as folder:
        kept = uvloop.run(_play(Path(folder), telling))
    if json_output:
        print_json({"kept": kept, "steps": telling.steps})
    return 0 if kept else 1


async def _play(folder: Path, telling: Telling) -> bool:
    async with open_stage(folder) as stage:
        for number, step in enumerate(STEPS, start=1):
            telling.begin(number, step.title)
            why = await _broken_promise(step, stage, telling)
            if why:
                telling.broken(why)
                telling.close("The demo stops here: a promise was broken.")
                return False
            telling.kept()
    telling.close(
        f"All {len(STEPS)} steps ended as promised. `make serve` leaves the same set-up running."
    )
    return True


async def _broken_promise(step: Step, stage: Stage, telling: Telling) -> str:
    try:
        async with asyncio.timeout(_STEP_TIMEOUT_S):
            await step.play(stage, telling)
    except PromiseBrokenError as broken:
        return str(broken)
    except TimeoutError:
        return "it did not get there in time"
    except PaygateRpcError as error:
        return f"a call failed: {error}"
    return ""
