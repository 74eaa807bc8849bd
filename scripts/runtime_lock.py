"""Prints the part of requirements.lock that the program needs, with its hashes: no tool, no test.

Which package is there because of which is told by the lock's own comments, so that nothing is
resolved anew: the image holds what was tested.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = "paygate (pyproject.toml)"
_PIN: Final = re.compile(r"([a-z0-9._-]+)(?:\[[^\]]*\])?==\S+.*", re.IGNORECASE)
_VIA: Final = re.compile(r"    # +(?:via )?(.+)")


def runtime_part(lock: str) -> str:
    """Return the pins that the program's own dependencies bring, as they stand."""
    blocks = _blocks(lock)
    wanted: set[str] = set()
    while True:
        more = {
            name
            for name, block in blocks.items()
            if name not in wanted and _reasons(block) & {_ROOT, *wanted}
        }
        if not more:
            break
        wanted |= more
    return "\n".join(block for name, block in blocks.items() if name in wanted) + "\n"


def _blocks(lock: str) -> dict[str, str]:
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lock.splitlines():
        pin = _PIN.fullmatch(line)
        if pin:
            current = blocks.setdefault(pin[1].lower(), [])
        if not line.startswith("#"):
            current.append(line)
    return {name: "\n".join(lines) for name, lines in blocks.items()}


def _reasons(block: str) -> set[str]:
    return {match[1] for match in map(_VIA.fullmatch, block.splitlines()) if match}


if __name__ == "__main__":
    sys.stdout.write(runtime_part(Path(sys.argv[1]).read_text(encoding="utf-8")))
