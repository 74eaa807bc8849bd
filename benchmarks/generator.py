"""The load generator, k6: a program of its own in Go, so that the measuring side is not Python."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.load import Measured, processor_s
from benchmarks.processes import ROOT
from benchmarks.usage import all_peak_mib, all_processor_s

SCRIPTS: Final = ROOT / "benchmarks" / "k6"
_PROTO_FOLDERS: Final = (str(SCRIPTS), str(ROOT / "protos"))
_READY: Final = "callers are ready"
"""What each script says once."""
_OPTIONS: Final = (
    "--quiet",
    "--no-usage-report",  # it would be sent to its makers
    "--address=",  # no port of its own: two of them would want the same
)
_runs = itertools.count(1)


class GeneratorError(Exception):
    """k6 is not there, or a call that it made failed."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a script printed, and what its calls took."""

    figures: Mapping[str, Any]
    seconds: float
    """From when the callers were ready, as the next two."""
    generator_s: float
    """Processor time of k6."""
    called_s: float
    """Processor time of the process that it called, with those it started."""


def steady(
    call: str,
    port: int,
    process_id: int,
    *,
    in_flight: int,
    warm_up_s: float,
    run_s: float,
    **about: object,
) -> Measured:
    """Keep `in_flight` calls going for `run_s` after a warm-up; see `k6/steady.js`.

    `process_id` is the process whose processor time and memory are told, with those it started;
    the time is that of all calls, the warm-up's too. Raises `GeneratorError` if a call fails.
    """
    plan = {"call": call, "in_flight": in_flight, "warm_up_s": warm_up_s, "run_s": run_s, **about}
    told = run_script("steady.js", port, process_id, plan)
    calls, measured = told.figures["all"]["count"], told.figures["measured"]
    return Measured(
        calls=measured["count"],
        seconds=run_s,
        p50_ms=measured["p(50)"],
        p99_ms=measured["p(99)"],
        cpu_ms=told.called_s * 1000 / calls,
        peak_mib=all_peak_mib(process_id),
        generator_ms=told.generator_s * 1000 / calls,
    )


def run_script(script: str, port: int, process_id: int, plan: Mapping[str, object]) -> Told:
    """Run a script against a port of a process; raises `GeneratorError` if k6 says it failed."""
    whole = {
        "address": f"127.0.0.1:{port}",
        "proto_folders": _PROTO_FOLDERS,
        "run": f"bench-{os.getpid()}-{next(_runs)}",
        **plan,
    }
    with TemporaryDirectory(prefix="paygate-k6-") as folder:
        file = Path(folder) / "plan.json"
        file.write_text(json.dumps(whole))
        command = [_program(), "run", *_OPTIONS, f"--env=PLAN={file}", str(SCRIPTS / script)]
        with subprocess.Popen(  # noqa: S603 - the program of our own environment
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as k6:
            before = _wait_until_ready(k6)
            own_s, called_s, began_s = (
                processor_s(k6.pid),
                all_processor_s(process_id),
                time.monotonic(),
            )
            ended_before_s = _ended_s()
            said, complained = k6.communicate()
    if k6.returncode != 0:
        raise GeneratorError(f"k6 ended with {k6.returncode}: {(before + complained)[-2000:]}")
    if complained:
        print(complained, file=sys.stderr)
    return Told(
        json.loads(said),
        seconds=time.monotonic() - began_s,
        generator_s=_ended_s() - ended_before_s - own_s,
        called_s=all_processor_s(process_id) - called_s,
    )


def _wait_until_ready(k6: subprocess.Popen[str]) -> str:
    """Return what it said before its callers were ready: to make them costs more than some calls.

    Returns also if k6 ended.
    """
    said = ""
    for line in k6.stderr or ():
        if _READY in line:
            break
        said += line
    return said


def _program() -> str:
    program = Path(sys.executable).with_name("k6")
    if not program.exists():
        raise GeneratorError(
            f"{program} is missing: it comes with the development dependencies on Linux x86_64; "
            "elsewhere put a k6 there"
        )
    return str(program)


def _ended_s() -> float:
    """Return the processor time of all processes that we started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system
