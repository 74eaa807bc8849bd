"""A gateway, two PSP accounts with captured payments, and a folder of refund files."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.payment import PaymentState
from gateway.domain.refund import Refund
from gateway.domain.refund_movement import Standing
from gateway.domain.requests import RequestKey
from gateway.ids import new_id
from gateway.refund_files.lines import HEADER
from gateway.refund_files.values import BatchOptions, SubmittedBatch
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import Database
from gateway.storage.payments import get_payment, insert_payment
from gateway.storage.refunds import refunds_of_payment
from legacy_bridge.files import RefundFolder
from psp.port import PspStatus
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp
from tests.support.payments import payment, word
from tests.support.rig import CrashError, SteppedDatabase, SteppedProvider, Steps
from tests.support.shop import CARDS, TABLE, WALLETS

JOBS = frozenset({"resolver", "refund_files", "refund_folder"})
"""Of the others none has to do with files."""
HEAD = ",".join(HEADER)


@dataclass
class Stage:
    """Everything around one gateway; `restart` is what a new process finds."""

    database: Database
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    psps: dict[str, FakePsp] = field(default_factory=dict)
    offset: timedelta = timedelta()
    jobs: frozenset[str] = JOBS
    steps: Steps = field(init=False)
    application: Application = field(init=False)

    def __post_init__(self) -> None:
        self.psps = {name: FakePsp(name, clock=self.now) for name in (CARDS, WALLETS)}
        for name in ("inbound", "working", "done", "results"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.restart()

    def now(self) -> datetime:
        """The gateway's clock: the machine's, moved on by `offset`."""
        return datetime.now(UTC) + self.offset

    def restart(self, crash_at: int = 0) -> None:
        """Start a new process over the same database: nothing in memory survives."""
        self.steps = Steps(crash_at)
        doors = Doors(
            SteppedDatabase(self.database, self.steps),
            FakeOffice(),
            {name: SteppedProvider(psp, self.steps) for name, psp in self.psps.items()},
            self.now,
            RefundFolder(self.folder, settle_s=60, clock_s=lambda: self.now().timestamp()),
        )
        given = {"refund_rate_per_s": 1000.0, "refund_look_interval_s": 30.0, **self.settings}
        self.application = wire(doors, RoutingSource(TABLE), load_settings(**given))
        workers = self.application.workers
        workers.jobs = [job for job in workers.jobs if job.name in self.jobs]

    def pass_time(self, **delta: float) -> None:
        """Let time pass for the gateway and the PSPs."""
        self.offset += timedelta(**delta)

    async def settle(self) -> None:
        """Let every worker end its work; whoever dies is started anew."""
        while True:
            with suppress(CrashError):
                busy = await self.application.workers.round()
            if self.steps.crashed:
                self.restart()
            elif not busy:
                return

    async def recover(self) -> None:
        """Do all that is due once leases and pauses have passed."""
        for minutes in (2, 6, 6, 11, 11):
            self.pass_time(minutes=minutes)
            await self.settle()

    async def paid(self, number: int = 1, account: str = CARDS, **changes: Any) -> str:
        """Have a captured payment of order-NUMBER of 19.99 EUR; returns its id."""
        reference = f"ch_{account}_{number}"
        here = payment(
            PaymentState.CAPTURED,
            id=new_id("pay"),
            order_id=f"order-{number}",
            psp_account=account,
            psp_reference=reference,
            **changes,
        )
        await self.database.commit([insert_payment(here)])
        self.psps[account].payments[reference] = word(
            PspStatus.CAPTURED, psp_reference=reference, payment_id=here.id
        )
        return here.id

    def paid_before(self, number: int, account: str = CARDS) -> str:
        """Have a captured payment that only the PSP knows; returns its reference there."""
        reference = f"old_{account}_{number}"
        self.psps[account].payments[reference] = word(
            PspStatus.CAPTURED, psp_reference=reference, payment_id=""
        )
        return reference

    async def submit(
        self, text: str, request_id: str = "r1", name: str = "refunds.csv", piece: int = 1000
    ) -> SubmittedBatch:
        """Send a file as a caller does."""
        options = BatchOptions(RequestKey("tests", "SubmitRefundBatch", request_id), name)
        return await self.application.refund_batches.submit(options, pieces(text.encode(), piece))

    async def counts(self, batch_id: str) -> Mapping[Standing, int]:
        """Where a batch's movements stand."""
        return (await self.application.refund_batches.get(batch_id)).counts

    async def is_done(self, batch_id: str) -> bool:
        """Whether a batch is done."""
        return (await self.application.refund_batches.get(batch_id)).is_done

    def made(self, account: str = CARDS) -> list[tuple[str, int]]:
        """What the PSP gave back, as payment and minor units, in its own books."""
        return [
            (each.payment_reference, each.amount_minor)
            for each in self.psps[account].refunds.values()
        ]

    async def refunds(self, payment_id: str) -> Sequence[Refund]:
        """The refunds of a payment here."""
        return await refunds_of_payment(self.database, payment_id)

    async def refunded_minor(self, payment_id: str) -> int:
        """What a payment counts as given back."""
        held = await get_payment(self.database, payment_id)
        assert held is not None
        return held.refunded_minor

    def put(self, text: str, name: str = "refunds.csv", age_s: float = 120.0) -> Path:
        """Put a file into the folder that last changed so long ago."""
        path = self.folder / "inbound" / name
        path.write_text(text)
        changed = self.now().timestamp() - age_s
        os.utime(path, (changed, changed))
        return path

    def files(self, which: str) -> list[str]:
        """Names in one of the folders, those that are being written too."""
        return sorted(path.name for path in (self.folder / which).iterdir())

    async def look(self, times: int = 3) -> None:
        """Let the folder be looked into, again and again."""
        for _ in range(times):
            self.pass_time(seconds=31)
            await self.settle()

    def result(self, name: str = "refunds.csv") -> list[dict[str, str]]:
        """The lines of a result."""
        (found,) = [path for path in self.files("results") if path.endswith(name)]
        text = (self.folder / "results" / found).read_text()
        return list(csv.DictReader(io.StringIO(text)))


def line(
    movement: str, payment_id: str, amount: str = "5.00", number: int = 1, **changes: str
) -> str:
    """Return a line that refunds a payment of order-NUMBER."""
    cells = {
        "movement_id": movement,
        "order_id": f"order-{number}",
        "payment_id": payment_id,
        "psp_account": "",
        "psp_reference": "",
        "amount": amount,
        "currency": "EUR",
        "reason": "",
        "country": "FR",
    }
    return ",".join({**cells, **changes}.values())


def file_of(*lines: str) -> str:
    """Return a refund file."""
    return "\n".join([HEAD, *lines, ""])


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """Yield a file in pieces."""
    for at in range(0, len(data), size):
        yield data[at : at + size]
