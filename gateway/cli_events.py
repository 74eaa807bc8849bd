"""`paygate events`: what operators do about events that did not arrive."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli_errors import NEGATIVE
from gateway.cli_output import JsonFlag, print_json, print_line
from gateway.settings import load_settings

if TYPE_CHECKING:
    from gateway.catch_up.progress import CaughtUp, Progress
    from gateway.settings import Settings

events_app = typer.Typer(help="Look after events of PSPs.", rich_markup_mode=None)

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@events_app.callback()
def _group() -> None:
    """Look after events of PSPs."""


@events_app.command("catch-up")
def catch_up(
    account: Annotated[str, typer.Option(help="The PSP account.")],
    since: Annotated[
        str,
        typer.Option(
            help="When the outage began: 2026-05-04T10:00:00Z, or how long ago: 90m, 6h, 3d."
        ),
    ],
    json_output: JsonFlag = False,
) -> int:
    """Read what webhooks did not bring; exit code 1 if something could not be asked."""
    begin = _moment(since, datetime.now(UTC))
    with _progress(shown=sys.stderr.isatty() and not json_output) as progress:
        caught = asyncio.run(_catch_up(load_settings(), account, begin, progress))
    if json_output:
        print_json(caught.document())
    else:
        _print(caught)
    return NEGATIVE if caught.failed else 0


async def _catch_up(
    settings: Settings, account: str, since: datetime, progress: Progress
) -> CaughtUp:
    from gateway.commanding import commanded_application  # noqa: PLC0415 - --help does without
    from gateway.events.errors import UnknownAccountError  # noqa: PLC0415 - as above

    async with commanded_application(settings) as application:
        try:
            return await application.catch_up.catch_up(account, since, progress)
        except UnknownAccountError as error:
            raise typer.BadParameter(str(error)) from None


def _moment(text: str, now: datetime) -> datetime:
    """Read a moment, or a span before now."""
    span = _SPAN.fullmatch(text)
    if span:
        return now - int(span[1]) * _UNITS[span[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"--since {text!r} is no time: write 2026-05-04T10:00:00Z, or 90m, 6h, 3d"
        ) from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"--since {text!r} has no time zone: write {text}Z for UTC")
    if moment > now:
        raise typer.BadParameter(f"--since {text!r} lies in the future")
    return moment.astimezone(UTC)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Progress]:
    """Give what is told how far it came; on a terminal, a line counts up."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals pay for loading it

    with Console(stderr=True).status("asking the PSP") as status:
        yield lambda caught: status.update(f"{caught.seen} {caught.source}, {caught.new} new")


def _print(caught: CaughtUp) -> None:
    news = "were missing" if caught.source == "events" else "had changed"
    print_line(
        f"{caught.account}: {caught.seen} {caught.source} since {caught.since.isoformat()}, "
        f"{caught.new} {news}, {caught.failed} failed"
    )
    if caught.new:
        print_line("a gateway's workers take it from here")
