"""`paygate aliases import` against a gateway that answers."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import structlog

from gateway.aliases.import_lines import HEADER
from gateway.demo.stage import Stage, open_stage
from legacy_bridge.port import LegacyAlias
from tests.integration.cli.conftest import Ran, Run

_PAYGATE = [sys.executable, "-c", "import sys; from gateway.cli import main; sys.exit(main())"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A gateway, a sandbox, and a back office with one legacy alias."""
    # In one process with the command: its log would stand among what the command prints.
    with structlog.testing.capture_logs():
        async with open_stage(tmp_path) as stage:
            card = LegacyAlias("A-1", "shopper-1", "ogone_be", "visa", "1111", 12, 2030, "card")
            await stage.back_office.save_alias(card, key="k1")
            yield stage


def _file(folder: Path, rows: Sequence[str]) -> str:
    file = folder / "mapping.csv"
    file.write_text("\n".join([",".join(HEADER), *rows]))
    return str(file)


_GOOD = "shopper-1,cus_1,A-1,pm_1,fp,1111,12,2030,visa"
_BAD = "shopper-1,cus_1,A-2,pm_2,fp,1111,12,2030,visa"


async def _import(run: Run, stage: Stage, file: str, *more: str) -> Ran:
    words = ("aliases", "import", file, "--account", "stripe_eu")
    address = stage.gateway.grpc_address
    return await asyncio.to_thread(run, *words, "--target", address, *more)


async def test_a_file_is_imported(run: Run, stage: Stage, tmp_path: Path) -> None:
    """Counts and rate are told; again, nothing changes."""
    file = _file(tmp_path, [_GOOD])

    first = await _import(run, stage, file)
    again = await _import(run, stage, file)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.out.startswith("1 lines: 1 moved, 0 skipped, 0 refused; ")
    assert first.out.endswith("lines/s\n")
    assert again.out.startswith("1 lines: 0 moved, 1 skipped, 0 refused; ")
    assert first.errors == []


async def test_refused_lines_are_told(run: Run, stage: Stage, tmp_path: Path) -> None:
    """By number, reason and cure; the exit code says that not all went well."""
    ran = await _import(run, stage, _file(tmp_path, [_GOOD, _BAD]))

    assert ran.exit_code == 1
    refusal, counts = ran.out.splitlines()
    assert refusal == "3\tUNKNOWN_ALIAS\tthe back office knows no alias of this name"
    assert counts.startswith("2 lines: 1 moved, 0 skipped, 1 refused; ")


async def test_refusals_beyond_the_first_are_counted(
    run: Run, stage: Stage, tmp_path: Path
) -> None:
    """A thousand are told one by one."""
    ran = await _import(run, stage, _file(tmp_path, ["nonsense"] * 1200))

    assert ran.out.splitlines()[-2] == ("and 200 more refused lines; in all: MALFORMED 1200")


async def test_programs_get_one_document(run: Run, stage: Stage, tmp_path: Path) -> None:
    """With everything that is told."""
    ran = await _import(run, stage, _file(tmp_path, [_GOOD, _BAD]), "--json")

    document = json.loads(ran.out)
    assert ran.exit_code == 1
    assert document.pop("seconds") >= 0
    assert document.pop("lines_per_second") >= 0
    assert document == {
        "lines": 2,
        "moved": 1,
        "skipped": 0,
        "refused": 1,
        "refusal_counts": {"UNKNOWN_ALIAS": 1},
        "refusals": [
            {
                "line": 3,
                "reason": "UNKNOWN_ALIAS",
                "message": "the back office knows no alias of this name",
            }
        ],
    }


async def test_what_the_gateway_refuses_is_one_line(run: Run, stage: Stage, tmp_path: Path) -> None:
    """With the reason, on standard error."""
    (tmp_path / "other.csv").write_text("id,name\n")

    ran = await _import(run, stage, str(tmp_path / "other.csv"))

    assert (ran.exit_code, ran.out) == (1, "")
    (line,) = ran.errors
    assert line.startswith("paygate: the gateway refused: INVALID_ARGUMENT INVALID_FIELDS: line 1")


def test_a_file_that_is_not_there_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    """And nobody is called."""
    ran = run("aliases", "import", str(tmp_path / "nowhere.csv"), "--account", "stripe_eu")

    assert ran.exit_code == 2
    assert "does not exist" in ran.errors[0]


def test_a_gateway_that_is_not_there_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is that of the settings, if no other is given."""
    monkeypatch.setenv("PAYGATE_GRPC_PORT", "1")

    ran = run("aliases", "import", _file(tmp_path, [_GOOD]), "--account", "stripe_eu")

    assert ran.exit_code == 1
    (line,) = ran.errors
    assert line.startswith("paygate: the gateway refused: UNAVAILABLE")


async def test_a_terminal_sees_progress(stage: Stage, tmp_path: Path) -> None:
    """On standard error, so that what is printed can be piped."""
    file = _file(tmp_path, ["nonsense"] * 30_000)
    controller, terminal = pty.openpty()
    words = ("aliases", "import", file, "--account", "stripe_eu")
    command = [*_PAYGATE, *words, "--target", stage.gateway.grpc_address]

    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=terminal
    )
    out, _ = await process.communicate()
    os.close(terminal)
    shown = os.read(controller, 65536).decode()
    os.close(controller)

    assert process.returncode == 1
    assert "sending" in shown
    assert "sending" not in out.decode()
