"""Real `paygate` processes: started, listened to by their log, asked to stop, and killed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_PAYGATE: Final = Path(sys.executable).parent / "paygate"
_LOOK_EVERY_S: Final = 0.05
PATIENCE_S: Final = 120.0
"""Only there to end a hang."""


class Process:
    """A `paygate` process; its log is JSON lines."""

    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self._running = running
        self.log: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, environment: Mapping[str, str], *words: str) -> Process:
        """Start a command."""
        running = await asyncio.create_subprocess_exec(
            _PAYGATE, *words, "--json", env=environment, stderr=asyncio.subprocess.PIPE
        )
        return cls(running)

    async def _read(self) -> None:
        assert self._running.stderr is not None
        async for line in self._running.stderr:
            self.log.append(json.loads(line))

    async def says(self, event: str) -> dict[str, Any]:
        """Wait for a line of the log."""
        await eventually(lambda: bool(self.lines(event)) or self._reading.done())
        assert self.lines(event), self.log
        return self.lines(event)[0]

    def lines(self, *events: str) -> list[dict[str, Any]]:
        """Return the lines that tell of one of these things."""
        return [line for line in self.log if line["event"] in events]

    def kill(self) -> None:
        """Give it no time for anything."""
        self._running.kill()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    async def stop(self) -> int:
        """Ask it to stop, if it still runs, and return its exit code."""
        if self._running.returncode is None:
            self._running.terminate()
        code = await self._running.wait()
        await self._reading
        return code


class Replaceable:
    """A process that is killed and started again, as a supervisor does, at the same addresses."""

    def __init__(self, environment: Mapping[str, str], words: Sequence[str], ready: str) -> None:
        self._environment = environment
        self._words = words
        self._ready = ready
        self.lives: list[Process] = []

    async def start(self) -> None:
        """Start it, and return once it says that it is ready."""
        self.lives.append(await Process.start(self._environment, *self._words))
        await self.lives[-1].says(self._ready)

    async def die(self) -> None:
        """Kill it, and return once it is dead."""
        self.lives[-1].kill()
        await self.lives[-1].stop()

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code; 0 if it was never started."""
        return await self.lives[-1].stop() if self.lives else 0


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what another process is to say."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - other processes set no events here
            await asyncio.sleep(_LOOK_EVERY_S)


async def eventually_seen(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what is to be found in another process's database."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_EVERY_S)
