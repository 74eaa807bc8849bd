"""`paygate aliases`: what operators do with saved payment methods."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli_calling import own_gateway
from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line, print_table
from gateway.cli_progress import pieces, sending_bar

if TYPE_CHECKING:
    from gateway.client.imports import ImportOutcome

aliases_app = typer.Typer(help="Look after saved payment methods.", rich_markup_mode=None)


@aliases_app.callback()
def _group() -> None:
    """Look after saved payment methods."""


@aliases_app.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="The PSP's mapping file."),
    ],
    account: Annotated[str, typer.Option(help="The PSP account the cards were moved to.")],
    legacy_account: Annotated[
        str,
        typer.Option(help="The account they come from, if names of aliases are not unique."),
    ] = "",
    target: Annotated[
        str, typer.Option(help="The gateway's host:port, instead of PAYGATE_GRPC_HOST and _PORT.")
    ] = "",
    json_output: JsonFlag = False,
) -> int:
    """Link legacy aliases to the cards they became, line by line; exit code 1 if any is refused."""
    from gateway.client.imports import outcome_of  # noqa: PLC0415 - --help does without

    shows_bar = sys.stderr.isatty() and not json_output
    started_s = time.monotonic()
    with (
        file.open("rb") as opened,
        sending_bar(file.stat().st_size, shown=shows_bar) as progress,
        own_gateway(target) as client,
    ):
        answer = client.import_aliases(
            pieces(opened, progress), psp_account=account, legacy_account=legacy_account
        )
    outcome = outcome_of(answer, time.monotonic() - started_s)
    if json_output:
        print_json(outcome.document())
    else:
        _print(outcome)
    return NEGATIVE if outcome.refused else 0


def _print(outcome: ImportOutcome) -> None:
    if outcome.refusals:
        print_table(
            ("line", "reason", "why"),
            [(str(each.line), each.reason, each.message) for each in outcome.refusals],
        )
    untold = outcome.refused - len(outcome.refusals)
    if untold:
        counts = ", ".join(f"{name} {lines}" for name, lines in outcome.refusal_counts.items())
        print_line(f"and {untold} more refused lines; in all: {counts}")
    print_line(
        f"{outcome.lines} lines: {outcome.moved} moved, {outcome.skipped} skipped, "
        f"{outcome.refused} refused; {outcome.lines_per_second:.0f} lines/s"
    )
