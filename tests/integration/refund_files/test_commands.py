"""`paygate refunds` against a gateway that works its refunds off."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from gateway.api.server import build_grpc_edge
from gateway.cli import main
from gateway.metrics import Metrics
from gateway.settings import load_settings
from psp.errors import UnavailableError
from psp.port import RefundStatus
from tests.integration.refund_files.stage import Stage, file_of, line
from tests.support.shop import CARDS

_PAYGATE = [sys.executable, "-c", "import sys; from gateway.cli import main; sys.exit(main())"]


@pytest.fixture
def dialect() -> str:
    """One database is enough: these are about what is printed."""
    return "sqlite"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("PAYGATE_", "STRIPE_")):
            monkeypatch.delenv(name)


@pytest.fixture
async def target(stage: Stage) -> AsyncIterator[str]:
    """A gateway's address; its workers run."""
    stage.settings = {"worker_poll_interval_s": 0.05}
    # In one process with the command: its log would stand among what the command prints.
    with structlog.testing.capture_logs():
        stage.restart()
        edge = build_grpc_edge(stage.application, load_settings(), Metrics())
        port = await edge.start("127.0.0.1", 0)
        stage.application.workers.start()
        yield f"127.0.0.1:{port}"
        await stage.application.workers.stop()
        await edge.stop(0)


@dataclass(frozen=True)
class Ran:
    exit_code: int
    out: str
    errors: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def running(*words: str) -> Ran:
        exit_code = main(["refunds", *words])
        captured = capsys.readouterr()
        return Ran(exit_code, captured.out, captured.err)

    return running


async def _submit(run: Run, target: str, file: Path, *more: str) -> Ran:
    return await asyncio.to_thread(run, "submit", str(file), "--target", target, *more)


async def test_a_file_is_sent_and_followed(
    run: Run, stage: Stage, target: str, tmp_path: Path
) -> None:
    """Until every movement has its answer; again, nothing changes."""
    paid = await stage.paid()
    file = tmp_path / "day.csv"
    file.write_text(file_of(line("M-1", paid), line("M-2", paid)))

    first = await _submit(run, target, file)
    again = await _submit(run, target, file)

    assert (first.exit_code, again.exit_code, first.errors) == (0, 0, "")
    counts, movements = first.out.splitlines()
    assert ": 2 lines: 2 accepted, 0 duplicates, 0 refused; " in counts
    assert movements == "succeeded 2"
    assert again.out.splitlines()[1] == "no movements"
    assert len(stage.made()) == 2


async def test_refused_lines_are_told(run: Run, stage: Stage, target: str, tmp_path: Path) -> None:
    """By number, movement, reason and cure; the exit code says that not all went well."""
    paid = await stage.paid()
    file = tmp_path / "day.csv"
    file.write_text(file_of(line("M-1", paid), line("M-2", paid, "0")))

    ran = await _submit(run, target, file)
    told = await _submit(run, target, file, "--json", "--no-wait")

    assert (ran.exit_code, told.exit_code) == (1, 1)
    assert ran.out.splitlines()[0] == (
        "3\tM-2\tINVALID_AMOUNT\tamount is zero: what is given back is above zero"
    )
    document = json.loads(told.out)
    assert (document["lines"], document["duplicates"], document["refused"]) == (2, 1, 1)
    assert document["refusals"][0]["reason"] == "INVALID_AMOUNT"
    assert (document["state"], document["done"]) == ("READ", True)


async def test_a_file_that_is_none_is_one_line(run: Run, target: str, tmp_path: Path) -> None:
    """On standard error, with what is wrong with it."""
    file = tmp_path / "day.csv"
    file.write_text("id;amount\n")

    ran = await _submit(run, target, file)

    assert (ran.exit_code, ran.out) == (1, "")
    assert "INVALID_FIELDS: line 1 must be the header" in ran.errors
    assert "semicolons" in ran.errors


async def test_a_terminal_sees_how_far_it_is(stage: Stage, target: str, tmp_path: Path) -> None:
    """Counts, rate and time left move while refunds are made."""
    paid = await stage.paid()
    file = tmp_path / "day.csv"
    file.write_text(file_of(*(line(f"M-{n}", paid, "0.01") for n in range(5))))
    gate = stage.psps[CARDS].hold("refund_payment")
    shell, terminal = pty.openpty()
    command = await asyncio.create_subprocess_exec(
        *_PAYGATE,
        "refunds",
        "submit",
        str(file),
        "--target",
        target,
        stderr=terminal,
        stdout=subprocess.PIPE,
    )
    os.close(terminal)
    await gate.reached()
    seen = b""
    while b"0/5" not in seen:
        seen += await asyncio.to_thread(os.read, shell, 4096)
    gate.open()
    out, _ = await command.communicate()
    os.close(shell)

    assert command.returncode == 0
    assert b"succeeded 5" in out


async def test_what_nobody_confirmed_in_time_is_listed(
    run: Run, stage: Stage, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting ones and pending ones, with their age; what is confirmed is not."""
    monkeypatch.setenv("PAYGATE_DATABASE_URL", migrated_url)
    fine, slow, stuck = [await stage.paid(number) for number in (1, 2, 3)]
    stage.offset = -timedelta(hours=30)
    await stage.submit(file_of(line("M-1", fine)), "r1")
    await stage.settle()
    stage.psps[CARDS].refund_status = RefundStatus.PENDING
    await stage.submit(file_of(line("M-2", slow, number=2)), "r2")
    await stage.settle()
    stage.psps[CARDS].fail("refund_payment", UnavailableError(CARDS, "maintenance"))
    await stage.submit(file_of(line("M-3", stuck, number=3)), "r3")
    await stage.settle()

    ran = await asyncio.to_thread(run, "overdue")
    told = await asyncio.to_thread(run, "overdue", "--json")

    rows = json.loads(told.out)["overdue"]
    assert (ran.exit_code, told.exit_code) == (1, 1)
    assert [(row["movement_id"], row["state"], row["hours"]) for row in rows] == [
        ("M-3", "waiting", "30"),
        ("M-2", "pending", "30"),
    ]
    assert rows[1]["psp_reference"] in stage.psps[CARDS].refunds
    assert ran.out.splitlines()[-1] == "2 refunds are overdue"


async def test_nothing_overdue_is_a_good_answer(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0."""
    monkeypatch.setenv("PAYGATE_DATABASE_URL", migrated_url)
    ran = await asyncio.to_thread(run, "overdue")

    assert (ran.exit_code, ran.out) == (0, "0 refunds are overdue\n")
