"""`paygate reconcile` against a gateway that answers."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from gateway.api.server import build_grpc_edge
from gateway.cli import main
from gateway.metrics import Metrics
from gateway.settings import load_settings
from psp.settlements import ReportState
from tests.integration.reconciliation.till import DAY, NOON, Till

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; exit code, output, errors."""

    def running(*words: str) -> tuple[int, str, str]:
        code = main(["reconcile", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return running


@pytest.fixture
async def address(till: Till) -> AsyncIterator[str]:
    """Where the till's gateway answers."""
    # In one process with the command: its log would stand among what the command prints.
    with structlog.testing.capture_logs():
        edge = build_grpc_edge(till.application, load_settings(), Metrics())
        port = await edge.start("127.0.0.1", 0)
        yield f"127.0.0.1:{port}"
        await edge.stop(0)


def _words(address: str, *more: str) -> tuple[str, ...]:
    day = DAY.isoformat()
    return ("--account", "stripe_eu", "--from", day, "--to", day, "--target", address, *more)


async def test_books_that_agree_end_with_nought(till: Till, address: str, run: Run) -> None:
    """In words: totals, how they close, what was settled."""
    await till.give_back(await till.capture(1999), 500)

    code, out, _ = await asyncio.to_thread(run, *_words(address))

    assert code == 0
    assert "EUR\tcharge\t1\t19.99 EUR\t0.29 EUR\t19.70 EUR" in out
    assert "opening 0.00 EUR + activity 14.70 EUR = closing 14.70 EUR" in out
    assert "2 lines, 0 open, 0 new, 0 closed themselves, 1 refunds settled" in out


async def test_a_difference_ends_with_one(
    till: Till, address: str, run: Run, tmp_path: Path
) -> None:
    """JSON, CSV and page name it."""
    lost = await till.capture()
    till.psp.books.lose(lost)
    table, site = tmp_path / "report.csv", tmp_path / "report.html"

    code, out, _ = await asyncio.to_thread(
        run, *_words(address, "--json", "--csv", str(table), "--html", str(site))
    )

    document = json.loads(out)
    (discrepancy,) = document["runs"][0]["discrepancies"]
    assert (code, document["clean"]) == (1, False)
    assert (discrepancy["type"], discrepancy["reference"]) == ("missing_at_psp", lost)
    with table.open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["record"] == "discrepancy"]
    assert (row["name"], row["ours_minor"], row["psp_minor"]) == ("missing_at_psp", "1999", "")
    assert lost in site.read_text()


async def test_a_report_that_is_not_ready_ends_with_one(till: Till, address: str, run: Run) -> None:
    """And says why."""
    till.psp.books.states.append(ReportState.NOT_YET)

    code, out, _ = await asyncio.to_thread(run, *_words(address))

    assert code == 1
    assert "waiting_for_report" in out
    assert "the PSP closes its books at noon" in out


async def test_a_country_s_day_over_two_accounts(till: Till, address: str, run: Run) -> None:
    """The accounts of its policy, and the one it moved away from."""
    await till.capture(1000)
    await till.capture(500, account="ogone_be")
    words = ("--country", "FR", "--day", DAY.isoformat(), "--account", "ogone_be")

    code, out, _ = await asyncio.to_thread(run, *words, "--target", address)

    assert code == 0
    assert f"FR on {DAY}" in out
    assert "ogone_be: 1 captured here, 1 charged at the PSP; 0 refunded here, 0 at the PSP" in out
    assert "stripe_eu: 1 captured here, 1 charged at the PSP" in out


@pytest.mark.parametrize(
    "words, says",
    [
        (("--account", "a", "--from", "2026-05-04", "--to", "2026-05-03"), "is before --from"),
        (("--account", "a", "--day", "2026-05-04", "--to", "2026-05-03"), "--day, or --from"),
        (("--account", "a", "--day", "4.5.2026"), "--day"),
        (
            ("--country", "FR", "--from", "2026-05-04", "--to", "2026-05-05"),
            "--country takes one day",
        ),
        (("--day", "2026-05-04", "--target", "127.0.0.1:9"), "name what to reconcile"),
    ],
)
def test_wrong_usage_is_told(run: Run, words: tuple[str, ...], says: str) -> None:
    """Nothing is asked of anybody."""
    code, _, errors = run(*words)

    assert code == 2
    assert says in errors


async def test_an_account_that_is_none_is_refused(till: Till, address: str, run: Run) -> None:
    """By the gateway, in one line."""
    assert till.clock() > NOON + timedelta(days=1)

    code, _, errors = await asyncio.to_thread(
        run, "--account", "nobody", "--day", DAY.isoformat(), "--target", address
    )

    assert code == 1
    assert "psp_account" in errors
