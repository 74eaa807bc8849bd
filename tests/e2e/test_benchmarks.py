"""The measurements of `make bench` that k6 takes, in small: they run, and every call succeeds."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from benchmarks import calls, in_flight
from tests.support.databases import PostgresqlDatabases


def _console() -> Console:
    return Console(file=io.StringIO(), width=200)


def _said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_calls_are_measured_beside_their_peers(
    postgresql_databases: PostgresqlDatabases, tmp_path: Path
) -> None:
    """A call that fails would end it: each figure is of calls that succeeded."""
    console = _console()
    url, office_url = (postgresql_databases.fresh(tmp_path, migrated=False) for _ in range(2))
    calls.run(url, office_url, tmp_path, calls.Amount(0.8, 2, 1, warm_up_s=0.2), console)
    said = _said(console)
    assert all(name in said for name in (*calls.BESIDE, calls.ECHO, calls.SDK))
    assert "of bare echo" in said


def test_many_in_flight_are_counted(
    postgresql_databases: PostgresqlDatabases, tmp_path: Path
) -> None:
    """Every call of every wave is answered, and the PSP has had them at once."""
    console = _console()
    url = postgresql_databases.fresh(tmp_path, migrated=False)
    crowd = in_flight.Crowd(in_flight=20, waves=2, connections=2, delay_s=0.1)
    in_flight.run(url, tmp_path, console, crowd)
    assert "40 answered, 0 failed" in " ".join(_said(console).split())
