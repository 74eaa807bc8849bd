"""`serve --workers N`: starts the processes, restarts one that dies or hangs, and ends them all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from typing import Final

import structlog

from gateway.hangups import hear_hangups
from gateway.lifeline import ProcessLine
from gateway.settings import Settings
from gateway.shared_ports import SharedPort

_log = structlog.get_logger(__name__)
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0
"""A process that lived so long did not die of how it was started."""
_MARGIN_S: Final = 15.0
"""For what a process does after its grace: closing what it opened."""
LOOK_EVERY_S: Final = 10.0
"""How long a process is listened to at a time."""
_SILENT_LOOKS: Final = 3
"""In a row, after which a process hangs: one alone may be a machine that stood still."""
_SILENT_LOOKS_AT_START: Final = 30
"""The same before it first serves: many that begin at once share the processors."""
_WELL: Final = frozenset({0, -signal.SIGTERM})
"""The second by a process that was told to end before it had begun to listen to that."""


def pause_before_restart(early_deaths: int) -> float:
    """Return how long to wait after so many deaths in a row, each soon after a start; seconds."""
    if early_deaths == 0:
        return 0.0
    return min(_FIRST_PAUSE_S * 2.0 ** min(early_deaths - 1, 16), _LONGEST_PAUSE_S)


class _Child:
    """A process, and what its parent knows of it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.serves = False
        """Whether it has said so. Until then SIGHUP may end it."""
        self._owed_a_hangup = False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):  # it has just ended
            self.process.send_signal(number)

    def reload(self) -> None:
        """Have it read its configuration, as soon as it can hear that."""
        if self.serves:
            self.send(signal.SIGHUP)
        else:
            self._owed_a_hangup = True

    def begin(self) -> None:
        """It has said that it serves."""
        self.serves = True
        if self._owed_a_hangup:
            self._owed_a_hangup = False
            self.send(signal.SIGHUP)


class Supervisor:
    """The parent of all processes. It answers nothing itself."""

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Mapping[str, str],
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """Take a command for each process, and the environment of all."""
        self._commands = commands
        self._environment = environment
        self._look_every_s = look_every_s
        self._running: dict[int, _Child] = {}
        self._stopping = asyncio.Event()

    async def run(self, stop_within_s: float) -> int:
        """Run until `stop`; 0 if every seat's last process ended well, and in time."""
        keepers = [
            asyncio.create_task(self._keep(seat, command), name=f"process {seat}")
            for seat, command in enumerate(self._commands)
        ]
        await self._stopping.wait()
        self._send(signal.SIGTERM)
        _, late = await asyncio.wait(keepers, timeout=stop_within_s)
        if late:
            _log.error("processes_killed", processes=len(late), waited_s=stop_within_s)
            self._send(signal.SIGKILL)
        codes = await asyncio.gather(*keepers)
        return 0 if _WELL.issuperset(codes) else 1

    def stop(self) -> None:
        """End all processes, and then this one."""
        self._stopping.set()

    def reload(self) -> None:
        """Have every process read its configuration."""
        for child in self._running.values():
            child.reload()

    def _send(self, number: signal.Signals) -> None:
        for child in self._running.values():
            child.send(number)

    async def _keep(self, seat: int, command: Sequence[str]) -> int | None:
        """Keep a process running in its seat; how the last one ended when all were to end.

        None: it could not even be started.
        """
        early_deaths = 0
        code: int | None = 0
        while not self._stopping.is_set():
            began_s = asyncio.get_running_loop().time()
            code = await self._live(seat, command)
            if self._stopping.is_set():
                break
            lived_s = asyncio.get_running_loop().time() - began_s
            early_deaths = 0 if lived_s >= _STEADY_S else early_deaths + 1
            pause_s = pause_before_restart(early_deaths)
            if code is not None:
                _log.error("process_died", seat=seat, exit_code=code, restart_in_s=pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
        return code

    async def _live(self, seat: int, command: Sequence[str]) -> int | None:
        async with AsyncExitStack() as stack:
            try:
                line = stack.enter_context(closing(ProcessLine()))
                with closing(line.others):
                    process = await asyncio.create_subprocess_exec(
                        *command, stdin=line.others.fileno(), env=self._environment
                    )
            except OSError as error:  # processes, memory or files are short, perhaps for a moment
                _log.error("process_not_started", seat=seat, error=str(error))
                return None
            _log.info("process_started", seat=seat, pid=process.pid)
            child = self._running[seat] = _Child(process)
            stack.callback(self._running.pop, seat)
            if self._stopping.is_set():
                child.send(signal.SIGTERM)
            await stack.enter_async_context(_beside(self._listen(seat, child, line)))
            return await process.wait()

    async def _listen(self, seat: int, child: _Child, line: ProcessLine) -> None:
        """Listen to a process, and kill it once it has been silent for too long."""
        silent = 0
        while silent < (_SILENT_LOOKS if child.serves else _SILENT_LOOKS_AT_START):
            if await line.heard(self._look_every_s):
                silent = 0
                child.begin()
            else:
                silent += 1
        _log.error(
            "process_hangs",
            seat=seat,
            pid=child.process.pid,
            silent_for_s=silent * self._look_every_s,
        )
        child.send(signal.SIGKILL)


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Have this done beside until the context ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def supervise(settings: Settings, workers: int, words: Sequence[str]) -> int:
    """Run so many processes of `serve` with these words until SIGTERM or SIGINT; the exit code.

    SIGHUP reaches all of them. Raises `OSError` if a port cannot be had.
    """
    with (
        SharedPort(settings.grpc_host, settings.grpc_port, "PAYGATE_GRPC_PORT") as grpc,
        SharedPort(settings.http_host, settings.http_port, "PAYGATE_HTTP_PORT") as http,
    ):
        environment = {
            **os.environ,
            "PAYGATE_GRPC_PORT": str(grpc.number),
            "PAYGATE_HTTP_PORT": str(http.number),
        }
        supervisor = Supervisor(
            [
                [*_serve(words), "--own-http-port", str(_own_port(settings, seat))]
                for seat in range(workers)
            ],
            environment,
        )
        _listen_to_signals(supervisor)
        _log.info(
            "supervising",
            grpc=f"{settings.grpc_host}:{grpc.number}",
            http=f"http://{settings.http_host}:{http.number}",
            processes=workers,
        )
        patience_s = settings.shutdown_delay_s + settings.shutdown_grace_s + _MARGIN_S
        code = await supervisor.run(patience_s)
    _log.info("all_stopped", exit_code=code)
    return code


def _serve(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "gateway", "serve", *words]


def _own_port(settings: Settings, seat: int) -> int:
    """Return where one process answers alone, as whoever reads its metrics needs it."""
    return settings.http_port + 1 + seat if settings.http_port else 0


def _listen_to_signals(supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    hear_hangups(supervisor.reload)
