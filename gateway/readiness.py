"""Whether a process wants traffic; it says no before it takes none."""

from __future__ import annotations


class LeavingError(Exception):
    """The process is ending: send nothing more to it."""


class Readiness:
    """Ready until the process begins to end."""

    def __init__(self) -> None:
        self._is_leaving = False

    def leave(self) -> None:
        """Say no from now on."""
        self._is_leaving = True

    async def check(self) -> None:
        """Raise `LeavingError` once the process is ending."""
        if self._is_leaving:
            raise LeavingError("SIGTERM came")
