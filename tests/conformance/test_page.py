"""docs/psps.md says what the code can do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from psp.conformance import SCENARIOS
from psp.conformance.page import MEANINGS, NOTES, psps_page
from psp.port import Capability
from psp.registry import PSP_KINDS

_ROOT: Final = Path(__file__).resolve().parents[2]
_KINDS: Final = tuple(PSP_KINDS.values())


def test_the_page_is_up_to_date() -> None:
    """As `make lint` finds it."""
    command = [sys.executable, str(_ROOT / "scripts/psp_table.py"), "--check"]

    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script

    assert finished.returncode == 0, finished.stderr


def test_every_capability_is_explained() -> None:
    """The table of meanings is total."""
    assert set(MEANINGS) == set(Capability)


def test_every_row_is_whole() -> None:
    """Each capability and scenario has a cell for each PSP, and tables have no ragged rows."""
    lines = psps_page(_KINDS, SCENARIOS).splitlines()

    for name in (*Capability, *(scenario.name for scenario in SCENARIOS)):
        (row,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        assert row.count("|") == len(_KINDS) + 3, name


def test_a_skip_shows_its_reason() -> None:
    """And a scenario that is played says so."""
    lines = psps_page(_KINDS, SCENARIOS).splitlines()
    row = next(line for line in lines if line.startswith("| `customer_kept` |"))

    assert row.endswith("| plays | has no customers |")


def test_every_note_is_of_a_psp() -> None:
    """And is on the page."""
    page = psps_page(_KINDS, SCENARIOS)

    assert set(NOTES) <= set(PSP_KINDS)
    for name, notes in NOTES.items():
        for note in notes:
            assert f"| {name} | {note} |" in page
