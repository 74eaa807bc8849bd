"""What commands print: JSON for programs, a table for a terminal, plain lines for anything else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON document, on one line."""
    print_line(json.dumps(document, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on a terminal, and lines with tabs between the cells elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            print_line("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals pay for loading it
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(*titles)
    for row in rows:
        # As text: a cell may hold brackets, which rich would take for markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def print_line(line: str) -> None:
    """Print one line."""
    # At once: who reads through a pipe may wait for this line.
    print(line, flush=True)  # noqa: T201 - what a command is for


def print_errors(lines: Iterable[str]) -> None:
    """Print lines to standard error."""
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - what standard error is for
