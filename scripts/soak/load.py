"""The load of a soak: so many who act side by side, each one thing after the other."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import aiohttp

from gateway.client import InternalError, PaygateRpcError
from psp.stripe.sandbox.api_errors import ApiError
from scripts.soak import shopping, trouble
from scripts.soak.shopping import Act, Scene
from scripts.soak.stage import Stage

ACTS: Final[Mapping[Act, int]] = MappingProxyType(
    {
        shopping.propose: 10,
        shopping.ensure_customer: 10,
        shopping.pay_at_stripe: 12,
        shopping.pay_at_ogone: 6,
        shopping.pay_by_alias: 4,
        shopping.save_a_card: 3,
        shopping.capture_by_hand: 3,
        shopping.cancel: 3,
        shopping.refund: 5,
        shopping.read: 12,
        shopping.crowd: 1,
        shopping.replay: 2,
        trouble.leave_a_watch: 5,
        trouble.break_a_connection: 3,
        trouble.cancel_a_call: 5,
        trouble.be_too_late: 2,
        trouble.ask_nonsense: 5,
        trouble.speak_another_language: 2,
        trouble.decline: 3,
        trouble.forge_webhooks: 3,
        trouble.disorder_webhooks: 2,
        trouble.fail_stripe: 1,
        trouble.fail_ogone: 1,
    }
)
"""What is done, and how often compared with the others."""
_ACTORS: Final = 8
_PAUSE_S: Final = 0.05
_PATIENCE_S: Final = 60.0
"""Only there to end a hang."""


class Load:
    """Acts while it is on; what was done and how it ended is counted."""

    def __init__(self, stage: Stage, seed: int) -> None:
        dice = [random.Random(seed + number) for number in range(_ACTORS)]  # noqa: S311 - no secrets
        self._scenes = [Scene(stage, each) for each in dice]
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        """Answers that no caller may get."""

    async def begin(self) -> None:
        """Prepare what is acted upon."""
        await shopping.move_in(self._scenes[0])

    async def run(self, seconds: float) -> None:
        """Act for so long; returns once everything begun is over."""
        until_s = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            # Each time a crowd first: what is as large as it gets does not look like a leak.
            group.create_task(shopping.crowd(self._scenes[0]))
            for scene in self._scenes:
                group.create_task(self._act(scene, until_s))

    async def _act(self, scene: Scene, until_s: float) -> None:
        acts, weights = list(ACTS), list(ACTS.values())
        while asyncio.get_running_loop().time() < until_s:
            (act,) = scene.dice.choices(acts, weights)
            self.outcomes[f"{act.__name__}: {await self._outcome(act, scene)}"] += 1
            await asyncio.sleep(_PAUSE_S)

    async def _outcome(self, act: Act, scene: Scene) -> str:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await act(scene)
        except InternalError as error:
            self.faults.append(f"{act.__name__}: {error}")
            return "fault"
        except PaygateRpcError as error:
            return error.reason or error.code.name
        except (ApiError, aiohttp.ClientError) as error:
            return type(error).__name__  # a shopper meets the PSP's trouble too
        return "done"
