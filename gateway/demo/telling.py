"""What the demo tells while it plays: for people as text, for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape


class PromiseBrokenError(Exception):
    """A step did not end as promised."""


def expect(kept: object, promise: str) -> None:
    """Raise `PromiseBrokenError` unless the promise was kept."""
    if not kept:
        raise PromiseBrokenError(promise)


class Telling:
    """Tells of one step after the other, and remembers all of it."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self.steps: list[dict[str, Any]] = []

    def begin(self, number: int, title: str) -> None:
        """A step begins."""
        self.steps.append({"step": number, "title": title, "kept": False, "told": []})
        self._print(f"\n[bold]{number}. {escape(title)}[/bold]")

    def say(self, what: str, facts: Mapping[str, object] | None = None) -> None:
        """Tell what was done and what came of it."""
        known = {name: str(value) for name, value in (facts or {}).items()}
        self.steps[-1]["told"].append({"what": what, **known})
        shown = "  ".join(f"[dim]{escape(name)}[/dim] {escape(v)}" for name, v in known.items())
        self._print(f"   {escape(what)}" + (f"  {shown}" if shown else ""))

    def kept(self) -> None:
        """The step ended as promised."""
        self.steps[-1]["kept"] = True
        self._print("   [green]✓ as promised[/green]")

    def broken(self, why: str) -> None:
        """The step did not."""
        self.steps[-1]["broken"] = why
        self._print(f"   [red]✗ {escape(why)}[/red]")

    def close(self, summary: str) -> None:
        """All is played."""
        self._print(f"\n{escape(summary)}")

    def _print(self, text: str) -> None:
        if self._console is not None:
            self._console.print(text, highlight=False, soft_wrap=True)
