"""What the back office's refund files are to us: where they come from, and where results go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol


class RefundFiles(Protocol):
    """The back office's files of refunds, each taken once and answered once.

    All methods raise `BackOfficeUnavailableError` if the files cannot be reached or written.
    """

    async def list_refund_files(self) -> Sequence[str]:
        """Return the names of files that are complete and wait, the oldest first.

        A file that may still be written to is left out, until it has not changed for a while.
        """

    async def take_refund_file(self, name: str, taken_as: str) -> bool:
        """Take a waiting file out of everybody else's reach; False if it is not there any more."""

    async def taken_refund_files(self) -> Sequence[str]:
        """Return what was taken and is not finished, by the names it was taken as."""

    def open_refund_file(self, taken_as: str) -> AsyncIterator[bytes]:
        """Stream a file that was taken, from its beginning, in pieces of any size."""

    async def write_refund_result(self, taken_as: str, lines: AsyncIterator[bytes]) -> None:
        """Write the result of a file, or write it anew: whoever reads it sees all of it or none."""

    async def finish_refund_file(self, taken_as: str) -> None:
        """Put a file whose result is written aside; one that is not there any more is finished."""
