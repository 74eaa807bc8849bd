"""Progress bars on a terminal; nothing elsewhere, where nobody watches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

_PIECE_BYTES: Final = 64 * 1024


@contextmanager
def sending_bar(total_bytes: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Give what is told of bytes sent; on a terminal, a bar moves with them."""
    if not shown:
        yield lambda _sent: None
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals pay for loading it
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sending", total=total_bytes)
        yield lambda sent: bar.advance(task, sent)


def pieces(opened: BinaryIO, progress: Callable[[int], None]) -> Iterator[bytes]:
    """Read a file in pieces, and tell of each once it is sent."""
    while piece := opened.read(_PIECE_BYTES):
        yield piece
        progress(len(piece))


@contextmanager
def counting_bar(total: int, *, shown: bool) -> Iterator[Callable[[int, str], None]]:
    """Give what is told how many are done, and in words how; with rate and time left."""
    if not shown:
        yield lambda _done, _words: None
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals pay for loading it
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text  # noqa: PLC0415 - as above

    class _Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.0f}/s" if task.speed else "")

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, words: bar.update(task, completed=done, description=words)
