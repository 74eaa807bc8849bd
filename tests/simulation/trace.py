"""What happened in a run, line by line, and the lines that are about one order."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import structlog

_DIGITS = re.compile(r"\d+")
_LOOK_BACK = 6
_UNTOLD = frozenset({"exc_info", "duration_ms"})
"""What the machine decides, and not the seed."""
_FAULTS_OF_OURS = frozenset(
    {
        "lane_failed",
        "worker_round_failed",
        "psp_adapter_failed",
        "event_not_applied",
        "delivery_failed",
    }
)
"""Log lines of the gateway's outermost edges: no trouble of the world may bring them about."""


class Trace:
    """The lines of one run."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self.now_s = 0.0
        self.faults: list[str] = []
        """Faults of our own that the gateway survived, and logged."""

    def add(self, now_s: float, text: str) -> None:
        """Note something that happened."""
        self.now_s = now_s
        self.lines.append((now_s, text))

    def about(self, names: Iterable[str]) -> list[str]:
        """Return the lines that name any of these, as a person reads them: repetitions in one."""
        wanted = [name for name in names if name]
        story: list[str] = []
        seen: list[str] = []
        again = 0
        for at, text in self.lines:
            if not any(name in text for name in wanted):
                continue
            shape = _DIGITS.sub("", text)
            if shape in seen[-_LOOK_BACK:]:
                again += 1
                continue
            if again:
                story.append(f"               (and {again} lines like these)")
            again = 0
            seen.append(shape)
            story.append(f"{clock(at)}  {text}")
        if again:
            story.append(f"               (and {again} lines like these)")
        return story


def clock(seconds: float) -> str:
    """Write simulated seconds as `1d 03:04:05.678`."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{int(days)}d {int(hours):02}:{int(minutes):02}:{rest:06.3f}"


class LogCapture:
    """Takes the gateway's own log into the trace."""

    def __init__(self, trace: Trace, now: Any, machine: Any) -> None:
        self._trace = trace
        self._now = now
        self._machine = machine

    def __call__(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> Any:
        name = event.pop("event")
        said = " ".join(f"{key}={value}" for key, value in _shown(event).items())
        where = self._machine()
        self._trace.add(self._now(), f"{where}: log {name} {said}")
        if name in _FAULTS_OF_OURS:
            error = sys.exc_info()[1]
            self._trace.faults.append(f"{name} {type(error).__name__}: {error} {said}")
        raise structlog.DropEvent


def _shown(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in event.items() if key not in _UNTOLD}
