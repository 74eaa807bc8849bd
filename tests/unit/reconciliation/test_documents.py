"""A reconciliation as CSV, as a page, and in words."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from gateway.reconciliation.documents.as_csv import COLUMNS, write_csv
from gateway.reconciliation.documents.as_html import MOST_DISCREPANCIES, page
from gateway.reconciliation.documents.chart import bar_chart
from gateway.reconciliation.documents.values import (
    BalanceRow,
    CountryReport,
    DiscrepancyRow,
    OwnRow,
    Report,
    RunReport,
    SideRow,
    TotalRow,
    shown_amount,
)

TOTALS = [
    TotalRow("EUR", "charge", 2, 3998, 58, 3940),
    TotalRow("EUR", "refund", 1, -500, 0, -500),
    TotalRow("JPY", "charge", 1, 1200, 40, 1160),
]


def discrepancy(**changes: object) -> DiscrepancyRow:
    """Return an open difference of one cent."""
    values: dict[str, object] = {
        "id": "dis_1",
        "type": "amount",
        "state": "open",
        "subject": "payment",
        "reference": "pi_1",
        "description": "the PSP's books charge another amount than was captured here",
        "currency": "EUR",
        "ours_minor": 1999,
        "psp_minor": 1998,
        "difference_minor": -1,
        "payment_id": "pay_1",
        "order_id": "order-1",
        "occurred_time": "2026-05-04T12:00:00Z",
        "age_days": 3,
        "owner": "ana",
        "note": "",
        "resolution": "",
        "healed_reason": "",
        "first_run_id": "rec_1",
        "last_run_id": "rec_2",
        "ours": {"payment_id": "pay_1"},
        "psp": {"first_entry": "txn_1"},
        **changes,
    }
    return DiscrepancyRow(**values)  # type: ignore[arg-type] # by name


def run(*discrepancies: DiscrepancyRow, state: str = "done", detail: str = "") -> RunReport:
    """Return a run of one day that closes."""
    return RunReport(
        id="rec_1",
        psp_account="stripe_eu",
        first_day="2026-05-04",
        last_day="2026-05-04",
        state=state,
        detail=detail,
        line_count=4,
        found=len(discrepancies),
        new=0,
        healed=0,
        settled_refunds=1,
        totals=TOTALS,
        balances=[BalanceRow("EUR", 0, 3440, 3440, 0), BalanceRow("JPY", None, 1160, None, None)],
        shortcomings=[],
        discrepancies=discrepancies,
    )


def rows_of(report: Report) -> list[dict[str, str]]:
    """Read the CSV as anybody would."""
    file = io.StringIO(newline="")
    write_csv(report, file)
    file.seek(0)
    return list(csv.DictReader(file))


def test_csv_has_one_table() -> None:
    """Every record in the same columns, told apart by its first."""
    rows = rows_of(Report([run(discrepancy())]))

    assert [row["record"] for row in rows] == [
        "run",
        *["total"] * 3,
        *["balance"] * 2,
        "discrepancy",
    ]
    assert all(set(row) == set(COLUMNS) for row in rows)
    assert (rows[-1]["name"], rows[-1]["difference_minor"]) == ("amount", "-1")
    assert (rows[5]["opening_minor"], rows[5]["activity_minor"]) == ("", "1160")


def test_csv_holds_no_formula() -> None:
    """A text of the PSP's that begins like one is written as a text; numbers stay numbers."""
    (_, *_, row) = rows_of(Report([run(discrepancy(note="=HYPERLINK(1)", description='a "b"'))]))

    assert (row["note"], row["description"]) == ("'=HYPERLINK(1)", 'a "b"')


def test_the_page_loads_nothing_and_escapes_everything() -> None:
    """It can be sent by mail, whatever the PSP wrote into a description."""
    text = page(Report([run(discrepancy(description="<script>alert(1)</script>"))]))

    assert "<script" not in text
    assert "http" not in text
    assert "&lt;script&gt;" in text
    assert "-0.01 EUR" in text
    assert "39.40 EUR" in text
    assert "1,160 JPY" in text


def test_the_page_says_whether_anybody_has_to_look() -> None:
    """At its top."""
    assert "Everything agrees." in page(Report([run()]))
    assert "Somebody has to look" in page(Report([run(discrepancy())]))
    waiting = run(state="waiting_for_report", detail="the PSP closes its books at noon")
    assert "Waiting for the PSP&#x27;s report: the PSP closes its books at noon." in page(
        Report([waiting])
    )


def test_the_page_ends_before_a_browser_does() -> None:
    """It shows the first thousand, and says how many more there are."""
    text = page(Report([run(*[discrepancy()] * (MOST_DISCREPANCIES + 7))]))

    assert text.count("<details>") == MOST_DISCREPANCIES
    assert "And 7 more" in text


def test_the_page_shows_a_country_s_accounts_side_by_side() -> None:
    """With what all accounts together moved."""
    side = SideRow("stripe_eu", True, TOTALS, [OwnRow("EUR", 2, 3998)], [])
    old = SideRow("ogone_be", False, [], [], [])
    report = Report([run(), run()], CountryReport("BE", "2026-05-04", [side, old]))

    text = page(report)

    assert "BE on 2026-05-04" in text
    assert "2 = 39.98 EUR" in text
    assert "ogone_be (no report of that day was read)" in text
    assert "All accounts together" in text
    assert report.combined[0] == TotalRow("EUR", "charge", 4, 7996, 116, 7880)


def test_the_chart_is_drawn_from_one_zero_line() -> None:
    """What comes in to the right, what goes out to the left, in proportion."""
    drawing = ET.fromstring(bar_chart("EUR", TOTALS[:2]))  # noqa: S314 - our own

    incoming, outgoing = drawing.findall("rect")
    assert (incoming.get("class"), outgoing.get("class")) == ("in", "out")
    lengths = [float(each.get("width", "")) for each in (incoming, outgoing)]
    assert lengths[1] / lengths[0] == pytest.approx(500 / 3940, rel=0.01)
    zero = float(incoming.get("x", ""))
    assert float(outgoing.get("x", "")) + lengths[1] == pytest.approx(zero, abs=0.2)


@pytest.mark.parametrize(
    "amount_minor, currency, expected",
    [
        (123456, "EUR", "1,234.56 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1200, "JPY", "1,200 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (None, "EUR", "-"),
        (7, "EUR,USD", "7 minor units EUR,USD"),
        (7, "", "7 minor units"),
    ],
)
def test_amounts_for_people(amount_minor: int | None, currency: str, expected: str) -> None:
    """By the currency's own decimals."""
    assert shown_amount(amount_minor, currency) == expected


def test_a_run_that_did_not_close_is_not_clean() -> None:
    """Nor is one that waits."""
    bad = BalanceRow("EUR", 0, 1, 2, 1)
    assert run().is_clean
    assert not replace(run(), balances=[bad]).is_clean
    assert not run(state="waiting_for_report").is_clean
