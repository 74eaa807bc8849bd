"""`paygate account show`: a shopper's movements, and what they come to."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.domain.posting import Posting, PostingState
from gateway.embedded import prepare_databases
from gateway.settings import SANDBOX_CONFIG_FILE, load_settings
from gateway.storage.account_postings import end_posting, insert_posting
from gateway.storage.database import open_database
from legacy_bridge.port import AccountMovement, MovementKind
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from tests.support.payments import NOW

_INVOICE = AccountMovement(
    "invoice:I-1", "shopper-1", "order-1", MovementKind.INVOICE_CREDIT, Money(1999, "EUR"), "p", NOW
)
_PARCEL = AccountMovement(
    "parcel:P-1", "shopper-1", "order-1", MovementKind.PARCEL_DEBIT, Money(2500, "EUR"), "P-1", NOW
)
_DUE = Posting(
    "refund-due:ref_1",
    "shopper-1",
    "order-1",
    MovementKind.REFUND_CREDIT,
    Money(500, "JPY"),
    "ref_1",
    NOW,
)


@pytest.fixture
def _account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with an invoice, a parcel that is too large, and a refund that is not posted."""
    for name in os.environ:
        if name.startswith(("PAYGATE_", "STRIPE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PAYGATE_CONFIG_FILE", str(SANDBOX_CONFIG_FILE))
    monkeypatch.setenv("PAYGATE_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/paygate.db")
    monkeypatch.setenv("PAYGATE_BACK_OFFICE_URL", f"sqlite+aiosqlite:///{tmp_path}/office.db")
    asyncio.run(_fill())


async def _fill() -> None:
    settings = load_settings()
    await prepare_databases(settings)
    office = SqlBackOffice.open(settings.back_office_url)
    await office.create_schema()
    for movement in (_INVOICE, _PARCEL):
        await office.post_movement(movement)
    await office.close()
    database = open_database(settings.database_url)
    await database.commit([insert_posting(_DUE)])
    await database.close()


@pytest.mark.usefixtures("_account")
def test_an_account_is_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each movement with the balance after it, what is missing, and the balances."""
    assert main(["account", "show", "shopper-1"]) == 0

    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["2026-05-04 10:00:00", "invoice:I-1", "order-1", "invoice_credit", *["19.99 EUR"] * 2],
        ["2026-05-04 10:00:00", "parcel:P-1", "order-1", "parcel_debit", "-25.00 EUR", "-5.01 EUR"],
        ["not posted", "refund-due:ref_1", "500 JPY", "due"],
        ["balance", "-5.01 EUR"],
    ]


@pytest.mark.usefixtures("_account")
def test_an_account_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    """With the same, in minor units."""
    assert main(["account", "show", "shopper-1", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["customer_id"] == "shopper-1"
    assert [(each["key"], each["balance_minor"]) for each in document["movements"]] == [
        ("invoice:I-1", 1999),
        ("parcel:P-1", -501),
    ]
    assert [(each["key"], each["state"]) for each in document["not_posted"]] == [
        ("refund-due:ref_1", "due")
    ]
    assert document["balance_minor"] == {"EUR": -501}


@pytest.mark.usefixtures("_account")
def test_nobody_has_an_empty_account(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever was never invoiced has no movements, and that is an answer."""
    assert main(["account", "show", "nobody"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no movements"
    assert main(["account", "show", "nobody", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "customer_id": "nobody",
        "movements": [],
        "not_posted": [],
        "balance_minor": {},
    }


@pytest.mark.usefixtures("_account")
def test_a_refused_movement_is_posted_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Once somebody put right what stood in its way; no other movement is."""
    assert main(["account", "retry", _DUE.key]) == 1
    assert capsys.readouterr().out == f"{_DUE.key} is no refused movement\n"
    asyncio.run(_refuse())

    assert main(["account", "retry", _DUE.key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"key": _DUE.key, "retried": True}
    assert main(["account", "retry", "no-such-key", "--json"]) == 1


async def _refuse() -> None:
    database = open_database(load_settings().database_url)
    await database.commit([end_posting(_DUE, PostingState.REFUSED, "key was used before")])
    await database.close()
