"""The documented sandbox is the one there is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from psp.ogone.sandbox.control import ACTIONS
from psp.ogone.sandbox.drifting import DriftKind
from psp.ogone.sandbox.faults import FaultKind

_PAGE: Final = Path(__file__).resolve().parents[5] / "docs/sandbox.md"
_ENDPOINTS: Final = [f"{method} {path}" for method, path in ACTIONS]


@pytest.mark.parametrize("name", [*_ENDPOINTS, *FaultKind, *DriftKind])
def test_everything_is_on_the_page(name: str) -> None:
    """Every control endpoint, fault and drift, in the part about Ogone."""
    _, _, text = _PAGE.read_text().partition("# The Ogone sandbox")

    assert f"`{name}`" in text


@pytest.mark.parametrize("entry", ACTIONS.items(), ids=_ENDPOINTS)
def test_every_field_is_on_the_page(entry: tuple[tuple[str, str], tuple[object, str, str]]) -> None:
    """Beside its endpoint."""
    (method, path), (_, needed, more) = entry
    _, _, text = _PAGE.read_text().partition("# The Ogone sandbox")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{method} {path}` |")]

    assert [name for name in (needed + " " + more).split() if f"`{name}`" not in row] == []
