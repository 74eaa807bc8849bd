"""`paygate sweep` and `paygate events catch-up`, as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.clock import system_clock
from gateway.settings import SANDBOX_CONFIG_FILE
from gateway.storage.database import open_database
from gateway.storage.job_leases import try_lease
from gateway.sweeping.sweeper import LEASE_NAME
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from tests.support.databases import SqliteDatabases


class Shell:
    """Databases of a shop, and a way to run commands on them."""

    def __init__(self, office_url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._office_url = office_url
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command: exit code, standard output, standard error."""
        exit_code = main(words)
        captured = self._capsys.readouterr()
        return exit_code, captured.out, captured.err

    def draft(self, order_id: str, age: timedelta) -> None:
        """Store a draft of an age."""
        stored = datetime.now(UTC) - age
        order = DraftOrder(order_id, "", "FR", Money(1999, "EUR"), stored, stored)
        self._with_office(lambda office: office.save_draft(order))

    def state(self, order_id: str) -> OrderState:
        """Where an order stands."""
        order = self._with_office(lambda office: office.find_order(order_id))
        assert order is not None
        return order.state

    def _with_office(
        self, call: Callable[[SqlBackOffice], Awaitable[DraftOrder | None]]
    ) -> DraftOrder | None:
        async def calling() -> DraftOrder | None:
            office = SqlBackOffice.open(self._office_url)
            await office.create_schema()
            try:
                return await call(office)
            finally:
                await office.close()

        return asyncio.run(calling())


@pytest.fixture
def database_url(sqlite_databases: SqliteDatabases, tmp_path: Path) -> str:
    """The gateway's database."""
    return sqlite_databases.fresh(tmp_path, migrated=True)


@pytest.fixture
def shell(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    database_url: str,
) -> Shell:
    """Return a shell whose environment names the test's own databases and nobody's PSPs."""
    for name in os.environ:
        if name.startswith(("PAYGATE_", "STRIPE_")):
            monkeypatch.delenv(name)
    office_url = f"sqlite+aiosqlite:///{tmp_path}/back_office.db"
    monkeypatch.setenv("PAYGATE_CONFIG_FILE", str(SANDBOX_CONFIG_FILE))
    monkeypatch.setenv("PAYGATE_DATABASE_URL", database_url)
    monkeypatch.setenv("PAYGATE_BACK_OFFICE_URL", office_url)
    monkeypatch.setenv("PAYGATE_LOG_FORMAT", "json")
    return Shell(office_url, capsys)


def test_a_dry_run_prints_each_order_and_changes_none(shell: Shell) -> None:
    """Order by order: what would be done, and why; young drafts are not mentioned."""
    shell.draft("order-late", timedelta(hours=25))
    shell.draft("order-old", timedelta(hours=2))
    shell.draft("order-young", timedelta(minutes=5))

    exit_code, out, _ = shell.run("sweep", "--dry-run")

    *orders, total = out.splitlines()
    late, old = sorted(orders)
    assert exit_code == 0
    assert late == "order-late\tdraft\tcancel_order\t\tnobody paid within 24 hours"
    assert old == "order-old\tdraft\twait\t\tno payment has been confirmed"
    assert total.startswith("2 orders: cancel_order 1, wait 1; 0 put off")
    assert shell.state("order-late") is OrderState.DRAFT


def test_a_sweep_does_what_its_dry_run_said(shell: Shell) -> None:
    """The same document, and then there is nothing left to do."""
    shell.draft("order-late", timedelta(hours=25))

    _, foreseen, _ = shell.run("sweep", "--dry-run", "--json")
    exit_code, done, errors = shell.run("sweep", "--json")
    _, again, _ = shell.run("sweep", "--json")

    document = json.loads(done)
    assert exit_code == 0
    assert document == json.loads(foreseen)
    assert document["orders"][0]["action"] == "cancel_order"
    assert document["counts"]["actions"] == {"cancel_order": 1}
    assert json.loads(again) == {
        "orders": [],
        "counts": {
            "orders": 0,
            "actions": {},
            "put_off": 0,
            "skipped": 0,
            "unclaimed": 0,
            "decided": 0,
            "ended": 0,
        },
    }
    assert shell.state("order-late") is OrderState.CANCELED
    assert '"event": "order_swept"' in errors


def test_of_two_sweeps_at_once_one_gives_way(shell: Shell, database_url: str) -> None:
    """Exit code 1, and a hint; a dry run is in nobody's way."""

    async def take() -> None:
        database = open_database(database_url)
        now = system_clock()
        assert await try_lease(database, LEASE_NAME, "somebody", now, now + timedelta(minutes=5))
        await database.close()

    asyncio.run(take())

    assert shell.run("sweep")[:2] == (
        1,
        "another process is sweeping: try again in a few minutes\n",
    )
    assert shell.run("sweep", "--dry-run")[0] == 0


def test_catching_up_says_what_was_missing(shell: Shell) -> None:
    """A PSP without a list of events is asked about payments, of which there are none here."""
    exit_code, out, _ = shell.run(
        "events", "catch-up", "--account", "ogone_be", "--since", "6h", "--json"
    )

    document = json.loads(out)
    assert exit_code == 0
    assert (document["account"], document["source"]) == ("ogone_be", "payments")
    assert (document["seen"], document["new"], document["failed"]) == (0, 0, 0)


def test_a_psp_that_does_not_answer_is_exit_code_1(shell: Shell) -> None:
    """Nobody plays Stripe here."""
    exit_code, _, errors = shell.run(
        "events", "catch-up", "--account", "stripe_eu", "--since", "2026-05-04T10:00:00Z"
    )

    assert exit_code == 1
    assert "paygate: stripe_eu: " in errors


@pytest.mark.parametrize(
    "account, since, told",
    [
        ("stripe_mars", "6h", "no PSP account is named 'stripe_mars'"),
        ("stripe_eu", "yesterday", "is no time: write 2026-05-04T10:00:00Z, or 90m, 6h, 3d"),
        ("stripe_eu", "2026-05-04T10:00:00", "has no time zone"),
        ("stripe_eu", "2999-01-01T00:00:00Z", "lies in the future"),
    ],
)
def test_wrong_words_are_exit_code_2(shell: Shell, account: str, since: str, told: str) -> None:
    """With what to write instead."""
    exit_code, _, errors = shell.run("events", "catch-up", "--account", account, "--since", since)

    assert (exit_code, told in errors) == (2, True)
