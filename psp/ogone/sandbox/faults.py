"""Faults on demand: what goes wrong with which of the next requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from psp.ogone.sandbox.acquiring import Doubt
from psp.sandboxing.faults import PendingFaults


class FaultKind(StrEnum):
    """What goes wrong. "Acted" means that the books changed."""

    DELAY_BEFORE = "delay_before"
    """Waits before it acts."""
    DELAY_AFTER = "delay_after"
    """Acts, and answers late."""
    DROP_BEFORE = "drop_before"
    """Closes the connection; nothing happened."""
    DROP_AFTER = "drop_after"
    """Acts, and closes the connection without a word."""
    ERROR_BEFORE = "error_before"
    """500; nothing happened."""
    ERROR_AFTER = "error_after"
    """Acts, and answers 500."""
    GARBAGE_BEFORE = "garbage_before"
    """200 with what is no answer; nothing happened."""
    GARBAGE_AFTER = "garbage_after"
    """Acts, and answers 200 with what is no answer."""
    QUERY_FAILED = "query_failed"
    """STATUS 88: the query failed, and says nothing of the payment."""
    UNCERTAIN_ACTED = "uncertain_acted"
    """52, 62, 82 or 92 with NCERROR 20001001; after a working day it turns out to be done."""
    UNCERTAIN_LOST = "uncertain_lost"
    """The same; it turns out to be refused."""
    REFUSED_LATER = "refused_later"
    """Accepted: 51, 61, 81 or 91; once processed it turns out to be refused: 2, 63, 83 or 93."""


_CHANGING: Final = frozenset({"orderdirect", "maintenancedirect", "pay", "acs"})
_ONLY_ON: Final[Mapping[FaultKind, frozenset[str]]] = MappingProxyType(
    {
        FaultKind.QUERY_FAILED: frozenset({"querydirect"}),
        FaultKind.UNCERTAIN_ACTED: _CHANGING,
        FaultKind.UNCERTAIN_LOST: _CHANGING,
        FaultKind.REFUSED_LATER: _CHANGING,
    }
)
"""The pages on which a fault can happen; all others can happen on any."""


_DOUBTS: Final[Mapping[FaultKind, Doubt]] = MappingProxyType(
    {
        FaultKind.UNCERTAIN_ACTED: Doubt.ACTED,
        FaultKind.UNCERTAIN_LOST: Doubt.LOST,
        FaultKind.REFUSED_LATER: Doubt.REFUSED,
    }
)


@dataclass(slots=True)
class Fault:
    """A fault for the next `count` requests that match."""

    kind: FaultKind
    path: str = ""
    """A part of the path, such as maintenancedirect; empty matches all."""
    operation: str = ""
    """OPERATION, such as RFD; empty matches all."""
    count: int = 1
    delay_s: float = 0.0

    def matches(self, path: str, page: str, operation: str) -> bool:
        """Return whether the request is one that goes wrong."""
        return (
            self.count > 0
            and self.path in path
            and self.operation in {"", operation}
            and page in _ONLY_ON.get(self.kind, {page})
        )

    @property
    def doubt(self) -> Doubt:
        """What it does to an outcome."""
        return _DOUBTS.get(self.kind, Doubt.NONE)


class Faults(PendingFaults[Fault]):
    """The faults still to come, in the order they were asked for."""

    def take(self, path: str, page: str, operation: str) -> Fault | None:
        """Return the first fault that matches, used up by one."""
        return self.first(lambda fault: fault.matches(path, page, operation))
