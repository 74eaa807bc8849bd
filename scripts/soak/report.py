"""What a soak found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Column, Table

from scripts.soak.judging import RULES, Finding, Sample


def table(findings: Iterable[Finding]) -> Table:
    """Return a row for each figure."""
    shown = Table(Column("figure", no_wrap=True), "first", "last", "growth", "bound", "")
    for found in findings:
        unit = " / 1k calls" if RULES[found.figure].per_thousand_calls is not None else ""
        shown.add_row(
            found.figure,
            f"{found.first:,}",
            f"{found.last:,}",
            f"{found.growth:,.1f}{unit}",
            f"{found.bound:,.0f}",
            "LEAKS" if found.leaks else "ok",
        )
    return shown


def write(file: Path, samples: Sequence[Sample], findings: Sequence[Finding]) -> None:
    """Write everything that was seen."""
    seen = [{**asdict(sample), "figures": dict(sample.figures)} for sample in samples]
    found = [asdict(each) for each in findings]
    file.write_text(json.dumps({"samples": seen, "findings": found}, indent=1), encoding="utf-8")
