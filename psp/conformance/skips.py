"""A scenario, and which scenarios a PSP cannot play: a pure decision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from psp.conformance.bench import Bench
from psp.port import Capability


@dataclass(frozen=True, slots=True)
class Scenario:
    """One promise of the port, and how it is put to the test."""

    name: str
    title: str
    """The promise, in a sentence."""
    needs: frozenset[Capability]
    """What the PSP must be able to do for the scenario to make sense."""
    play: Callable[[Bench], Awaitable[None]]
    """Raises `ConformanceError` if the promise is broken."""

    def missing(self, capabilities: Iterable[Capability]) -> frozenset[Capability]:
        """Return what a PSP with these capabilities lacks to play it."""
        return self.needs - frozenset(capabilities)


@dataclass(frozen=True, slots=True)
class Skip:
    """A scenario that a PSP does not play, and why."""

    scenario: Scenario
    missing: frozenset[Capability]

    @property
    def reason(self) -> str:
        """The reason in words."""
        return f"has no {', '.join(sorted(self.missing))}"


def skips(scenarios: Iterable[Scenario], capabilities: Iterable[Capability]) -> tuple[Skip, ...]:
    """Return the scenarios that a PSP with these capabilities cannot play, in order."""
    able = frozenset(capabilities)
    return tuple(
        Skip(scenario, missing) for scenario in scenarios if (missing := scenario.missing(able))
    )
