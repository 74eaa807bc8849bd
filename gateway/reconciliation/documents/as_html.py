"""A reconciliation as one page for people: nothing is loaded from anywhere, nothing runs in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from gateway.reconciliation.documents.chart import bar_chart
from gateway.reconciliation.documents.values import (
    CountryReport,
    DiscrepancyRow,
    OwnRow,
    Report,
    RunReport,
    TotalRow,
    shown_amount,
)

MOST_DISCREPANCIES: Final = 1_000
"""Of one account on the page: JSON and CSV have all of them."""

_STYLE: Final = """
body{font:15px/1.45 system-ui,sans-serif;color:#1b1f24;max-width:70rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.2rem}h3{font-size:1.05rem}
table{border-collapse:collapse;width:100%;margin:.6rem 0 1.2rem}
th,td{padding:.3rem .6rem;border-bottom:1px solid #d8dee4;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.ok{color:#116329}.bad{color:#a40e26}.wait{color:#7a4d00}.dim{color:#59636e}
svg{width:100%;max-width:44rem;font-size:12px}
svg line{stroke:#8c959f}svg .in{fill:#2da44e}svg .out{fill:#cf222e}
code{font-size:.9em}details summary{cursor:pointer}
"""


def page(report: Report) -> str:
    """Return the whole page."""
    days = sorted({f"{run.first_day} to {run.last_day}" for run in report.runs})
    verdict = (
        '<p class="ok">Everything agrees.</p>'
        if report.is_clean
        else '<p class="bad">Somebody has to look: see below.</p>'
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>Reconciliation {escape(', '.join(days))}</title><style>{_STYLE}</style>",
        f"<h1>Reconciliation {escape(', '.join(days))}</h1>{verdict}",
        *([] if report.country is None else _country(report.country)),
        *(part for run in report.runs for part in _run(run)),
        *(_combined(report) if len(report.runs) > 1 else []),
        "</html>\n",
    ]
    return "\n".join(parts)


def _run(run: RunReport) -> Iterator[str]:
    yield f"<h2>{escape(run.psp_account)}</h2>"
    yield f"<p>{_state(run)} <span class=dim>{escape(run.id)}</span></p>"
    if not run.is_done:
        return
    yield (
        f"<p>{run.line_count:,} lines; {run.found} discrepancies seen, {run.new} of them new, "
        f"{run.healed} closed themselves; {run.settled_refunds:,} refunds settled.</p>"
    )
    yield from (f'<p class="bad">{escape(each)}</p>' for each in run.shortcomings)
    yield _table(
        ("currency", "opening", "activity", "closing", "difference"),
        (
            (
                row.currency,
                shown_amount(row.opening_minor, row.currency),
                shown_amount(row.activity_minor, row.currency),
                shown_amount(row.closing_minor, row.currency),
                shown_amount(row.difference_minor, row.currency),
            )
            for row in run.balances
        ),
        numbers=4,
    )
    yield from _totals(run.totals)
    yield from _discrepancies(run.discrepancies)


def _state(run: RunReport) -> str:
    if run.is_done:
        kind, text = ("ok", "Done, and clean.") if run.is_clean else ("bad", "Done.")
    elif run.state == "waiting_for_report":
        kind, text = "wait", f"Waiting for the PSP's report: {run.detail}."
    else:
        kind, text = "bad", f"{run.state.replace('_', ' ').capitalize()}: {run.detail}."
    return f'<span class="{kind}">{escape(text)}</span>'


def _totals(totals: Sequence[TotalRow]) -> Iterator[str]:
    for currency, rows in groupby(totals, key=lambda row: row.currency):
        of_currency = list(rows)
        yield f"<h3>{escape(currency)}</h3>"
        yield bar_chart(currency, of_currency)
        yield _table(
            ("category", "lines", "gross", "fee", "net"),
            (
                (
                    row.category,
                    f"{row.lines:,}",
                    shown_amount(row.gross_minor, currency),
                    shown_amount(row.fee_minor, currency),
                    shown_amount(row.net_minor, currency),
                )
                for row in of_currency
            ),
            numbers=4,
        )


def _discrepancies(found: Sequence[DiscrepancyRow]) -> Iterator[str]:
    yield f"<h3>Open discrepancies: {len(found):,}</h3>"
    if not found:
        return
    rows = "".join(_discrepancy(each) for each in found[:MOST_DISCREPANCIES])
    titles = ("what", "about", "ours", "PSP's", "difference", "age", "owner and note")
    head = "".join(f"<th>{title}</th>" for title in titles)
    yield f"<table><tr>{head}</tr>{rows}</table>"
    if len(found) > MOST_DISCREPANCIES:
        left = len(found) - MOST_DISCREPANCIES
        yield f"<p class=dim>And {left:,} more: the JSON and the CSV have all of them.</p>"


def _discrepancy(each: DiscrepancyRow) -> str:
    evidence = "".join(
        f"<br>{escape(side)}: {escape('; '.join(f'{k} {v}' for k, v in given.items() if v))}"
        for side, given in (("ours", each.ours), ("PSP", each.psp))
        if given
    )
    about = (
        f"<details><summary>{escape(each.description)} "
        f"<code>{escape(each.reference)}</code></summary>{escape(each.id)}{evidence}</details>"
    )
    owner = escape(" - ".join(part for part in (each.owner, each.note) if part))
    amounts = "".join(
        f"<td class=n>{escape(shown_amount(amount, each.currency))}</td>"
        for amount in (each.ours_minor, each.psp_minor, each.difference_minor)
    )
    return (
        f"<tr><td>{escape(each.type)}</td><td>{about}</td>{amounts}"
        f"<td class=n>{each.age_days} d</td><td>{owner}</td></tr>"
    )


def _country(country: CountryReport) -> Iterator[str]:
    yield f"<h2>{escape(country.country_code)} on {escape(country.day)}</h2>"
    yield "<p>Both books of each account, for the payments of this country alone.</p>"
    rows = []
    for side in country.sides:
        told = "" if side.reconciled else " (no report of that day was read)"
        rows.append(
            (
                f"{side.psp_account}{told}",
                _own(side.captures),
                _psp(side.totals, "charge"),
                _own(side.refunds),
                _psp(side.totals, "refund"),
            )
        )
    titles = ("account", "captured here", "charged at PSP", "refunded here", "refunded at PSP")
    yield _table(titles, rows, numbers=4)


def _own(rows: Sequence[OwnRow]) -> str:
    shown = [f"{row.count:,} = {shown_amount(row.amount_minor, row.currency)}" for row in rows]
    return "; ".join(shown) or "-"


def _psp(totals: Sequence[TotalRow], category: str) -> str:
    shown = [
        f"{row.lines:,} = {shown_amount(row.gross_minor, row.currency)}"
        for row in totals
        if row.category == category
    ]
    return "; ".join(shown) or "-"


def _combined(report: Report) -> Iterator[str]:
    yield "<h2>All accounts together</h2>"
    yield from _totals(report.combined)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """Return a table whose last columns are numbers."""
    first_number = len(titles) - numbers

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if place >= first_number else ''}>{escape(cell)}</{tag}>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', titles)}</tr>{body}</table>"
