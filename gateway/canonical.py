"""The canonical log line: what one piece of work was about, and where its time went.

A piece of work is an RPC, a webhook or a job's step. Whoever does a part of it notes what the line
should tell; tasks that are begun on the way note on the same line.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.domain.payment import Payment


@dataclass(slots=True)
class CanonicalLine:
    """What the line of this work will say. Times are summed, also of calls side by side."""

    facts: dict[str, object] = field(default_factory=dict)
    psp_ms: float = 0.0
    database_ms: float = 0.0
    back_office_ms: float = 0.0

    def times(self) -> dict[str, float]:
        """Return where time went, as the line tells it; what took none is left out."""
        told = {
            "psp_ms": self.psp_ms,
            "database_ms": self.database_ms,
            "back_office_ms": self.back_office_ms,
        }
        return {name: round(spent_ms, 3) for name, spent_ms in told.items() if spent_ms}


_CURRENT: ContextVar[CanonicalLine | None] = ContextVar("paygate_canonical_line", default=None)


class _Begun:
    """A line while its work is done. A class and no generator: it is there for every RPC."""

    __slots__ = ("_line", "_token")

    def __init__(self) -> None:
        self._line = CanonicalLine()

    def __enter__(self) -> CanonicalLine:
        self._token = _CURRENT.set(self._line)
        return self._line

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _CURRENT.reset(self._token)


def canonical_line() -> AbstractContextManager[CanonicalLine]:
    """Begin the line of a piece of work; who ends it writes it."""
    return _Begun()


def current_line() -> CanonicalLine | None:
    """Return the line of this task's work; None if it is part of none."""
    return _CURRENT.get()


def note(**facts: object) -> None:
    """Have the line tell facts; never a secret. What is noted last of one name stands."""
    line = _CURRENT.get()
    if line is not None:
        line.facts.update(facts)


def note_payment(payment: Payment) -> None:
    """Have the line tell which payment it is about, and whose it is."""
    line = _CURRENT.get()
    if line is not None:
        line.facts["payment_id"] = payment.id
        line.facts["order_id"] = payment.order_id
        line.facts["country"] = payment.country_code
        line.facts["psp_account"] = payment.psp_account
