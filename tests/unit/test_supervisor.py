"""Processes under one parent: restarted with pauses, ended together."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.shared_ports import SharedPort
from gateway.supervisor import Supervisor, pause_before_restart
from tests.support.processes import eventually

_WAITS = "import sys; sys.stdin.read()"
_WELL = f"import signal; signal.signal(signal.SIGTERM, lambda *_: exit(0)); {_WAITS}"
_BADLY = f"import signal; signal.signal(signal.SIGTERM, lambda *_: exit(3)); {_WAITS}"
_NEVER = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_WAITS}"


@pytest.mark.parametrize(
    "early_deaths,pause_s", [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (10_000, 30.0)]
)
def test_the_pause_before_a_restart(early_deaths: int, pause_s: float) -> None:
    """At once after a long life; ever later for what dies as soon as it is started."""
    assert pause_s == pause_before_restart(early_deaths)


def _commands(folder: Path, *scripts: str) -> Sequence[Sequence[str]]:
    """Return a command for each script; it leaves a file once its signals are set."""
    commands = []
    for number, script in enumerate(scripts):
        ready = folder / str(number)
        told = script.replace(_WAITS, f"open({str(ready)!r}, 'w').close(); {_WAITS}")
        commands.append([sys.executable, "-c", told])
    return commands


async def _stopped_code(folder: Path, stop_within_s: float, *scripts: str) -> int:
    supervisor = Supervisor(_commands(folder, *scripts), {})
    running = asyncio.create_task(supervisor.run(stop_within_s))
    await eventually(lambda: len(list(folder.iterdir())) == len(scripts))
    supervisor.stop()
    return await running


@pytest.mark.parametrize(
    "scripts,code",
    [([_WELL, _WELL], 0), ([_WAITS], 0), ([_WELL, _BADLY], 1)],
    ids=["well", "before it listened", "badly"],
)
async def test_the_exit_code_tells_how_they_ended(
    tmp_path: Path, scripts: list[str], code: int
) -> None:
    """One that ended badly is not hidden by the others."""
    assert code == await _stopped_code(tmp_path, 60, *scripts)


async def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """The parent's patience has an end, and its exit code says so."""
    assert await _stopped_code(tmp_path, 0.2, _WELL, _NEVER) == 1


async def test_one_that_dies_is_started_again(tmp_path: Path) -> None:
    """With its exit code in the log."""
    supervisor = Supervisor([[sys.executable, "-c", "exit(7)"]], {})
    with capture_logs() as lines:
        running = asyncio.create_task(supervisor.run(60))
        await eventually(lambda: [line["event"] for line in lines].count("process_started") > 1)
        supervisor.stop()
        await running

    died = next(line for line in lines if line["event"] == "process_died")
    assert (died["seat"], died["exit_code"], died["restart_in_s"]) == (0, 7, 0.5)


async def test_one_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    """Its seat is not given up: processes or memory may be short for a moment only."""
    program = tmp_path / "program"
    supervisor = Supervisor([[str(program)]], {})
    with capture_logs() as lines:
        running = asyncio.create_task(supervisor.run(60))
        await eventually(lambda: "process_not_started" in [line["event"] for line in lines])
        program.symlink_to(sys.executable)
        await eventually(lambda: "process_started" in [line["event"] for line in lines])
        supervisor.stop()
        await running

    refused = next(line for line in lines if line["event"] == "process_not_started")
    assert refused["seat"] == 0
    assert "No such file" in refused["error"]


@pytest.mark.parametrize("command", [[sys.executable, "-c", "exit(7)"], ["/no/such/program"]])
async def test_the_exit_code_tells_of_who_had_ended_before(command: Sequence[str]) -> None:
    """Somebody who starts the parent and stops it again sees that nothing ever ran."""
    supervisor = Supervisor([command], {})
    with capture_logs() as lines:
        running = asyncio.create_task(supervisor.run(60))
        await eventually(lambda: any(line["log_level"] == "error" for line in lines))
        supervisor.stop()

        assert await running == 1


def _hearing(heard: Path, then: str = _WAITS) -> str:
    """Return a script that hears hangups, says so, and leaves a file for one."""
    return (
        "import os, signal, time\n"
        f"signal.signal(signal.SIGHUP, lambda *_: open({str(heard)!r}, 'w').close())\n"
        f"os.write(0, b'.')\n{then}"
    )


async def test_all_are_told_to_read_their_configuration(tmp_path: Path) -> None:
    """By SIGHUP, in every process."""
    heard = [tmp_path / "heard-0", tmp_path / "heard-1"]
    supervisor = Supervisor(_commands(tmp_path, *(_hearing(each) for each in heard)), {})
    running = asyncio.create_task(supervisor.run(60))
    await eventually(lambda: (tmp_path / "0").exists() and (tmp_path / "1").exists())

    supervisor.reload()
    await eventually(lambda: all(each.exists() for each in heard))

    supervisor.stop()
    await running


async def test_one_that_begins_is_told_once_it_listens(tmp_path: Path) -> None:
    """SIGHUP would end it before; and that its configuration changed must not be lost."""
    heard, go_on = tmp_path / "heard", tmp_path / "go_on"
    waits = f"import os\nwhile not os.path.exists({str(go_on)!r}): pass\n"
    supervisor = Supervisor([[sys.executable, "-c", waits + _hearing(heard)]], {})
    with capture_logs() as lines:
        running = asyncio.create_task(supervisor.run(60))
        await eventually(lambda: [line["event"] for line in lines] == ["process_started"])

        supervisor.reload()
        go_on.touch()
        await eventually(lambda: heard.exists() or len(lines) > 1)

        supervisor.stop()
        await running
    assert [line["event"] for line in lines] == ["process_started"]


async def test_one_that_hangs_is_replaced(tmp_path: Path) -> None:
    """It would keep its share of all connections; who beats, or only begins, is left alone."""
    heard = [tmp_path / "0", tmp_path / "1"]
    beats = [_hearing(each, "while True: os.write(0, b'.'); time.sleep(0.05)") for each in heard]
    commands = [[sys.executable, "-c", script] for script in (*beats, _WAITS)]
    supervisor = Supervisor(commands, {}, look_every_s=0.5)
    with capture_logs() as lines:
        running = asyncio.create_task(supervisor.run(60))
        await eventually(lambda: len(lines) == 3)
        (hanging,) = (line["pid"] for line in lines if line["seat"] == 0)
        supervisor.reload()
        await eventually(lambda: all(each.exists() for each in heard))
        os.kill(hanging, signal.SIGSTOP)
        await eventually(lambda: [line["event"] for line in lines].count("process_started") > 3)
        supervisor.stop()
        await running

    assert [(line["event"], line["seat"]) for line in lines[3:]] == [
        ("process_hangs", 0),
        ("process_died", 0),
        ("process_started", 0),
    ]
    assert (lines[3]["pid"], lines[4]["exit_code"]) == (hanging, -signal.SIGKILL)


def _listening(port: int, *, sharing: bool) -> socket.socket:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(sharing))
        listener.bind(("127.0.0.1", port))
        listener.listen()
        stack.pop_all()
        return listener


def test_a_port_is_shared_by_who_was_told_to() -> None:
    """Two listen at it; who does not share is refused."""
    with (
        SharedPort("127.0.0.1", 0, "PAYGATE_GRPC_PORT") as port,
        _listening(port.number, sharing=True),
        _listening(port.number, sharing=True),
        pytest.raises(OSError, match="in use"),
    ):
        _listening(port.number, sharing=False)


@pytest.mark.parametrize("sharing", [True, False])
def test_a_port_that_somebody_listens_at_is_not_joined(sharing: bool) -> None:
    """Not even if he would share it: half of the calls would go to a stranger."""
    with _listening(0, sharing=sharing) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"on 127.0.0.1:{number}: free it, or set X"):
            SharedPort("127.0.0.1", number, "X")
