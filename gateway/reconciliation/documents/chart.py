"""A small bar chart as inline SVG: what each category moved, in one currency."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from gateway.reconciliation.documents.values import TotalRow, shown_amount

_WIDTH: Final = 640
_LABEL: Final = 170
_VALUE: Final = 150
_ROW: Final = 26
_BAR: Final = 16


def bar_chart(currency: str, rows: Sequence[TotalRow]) -> str:
    """Return the net amounts of categories as bars from a common zero line."""
    highest = max((abs(row.net_minor) for row in rows), default=0) or 1
    room = (_WIDTH - _LABEL - _VALUE) / 2
    zero = _LABEL + room
    bars = []
    for place, row in enumerate(rows):
        length = room * abs(row.net_minor) / highest
        left = zero if row.net_minor >= 0 else zero - length
        top = place * _ROW + (_ROW - _BAR) / 2
        kind = "in" if row.net_minor >= 0 else "out"
        middle = place * _ROW + _ROW / 2 + 4
        bars.append(
            f'<text x="0" y="{middle:.1f}">{escape(row.category)}</text>'
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{length:.1f}" '
            f'height="{_BAR}"/>'
            f'<text x="{_WIDTH}" y="{middle:.1f}" text-anchor="end">'
            f"{escape(shown_amount(row.net_minor, currency))}</text>"
        )
    height = max(len(rows), 1) * _ROW
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Net amounts by category in {escape(currency)}">'
        f'<line x1="{zero:.1f}" y1="0" x2="{zero:.1f}" y2="{height}"/>{"".join(bars)}</svg>'
    )
