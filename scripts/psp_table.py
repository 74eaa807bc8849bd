"""Writes docs/psps.md from the code: what each PSP can do, and which scenarios it plays.

With --check it writes nothing and fails if the page is not what the code gives now.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from psp.conformance import SCENARIOS  # noqa: E402 - a script finds the packages beside its folder
from psp.conformance.page import psps_page  # noqa: E402 - as above
from psp.registry import PSP_KINDS  # noqa: E402 - as above

PAGE = ROOT / "docs" / "psps.md"


def main() -> int:
    """Write, or compare; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    fresh = psps_page(tuple(PSP_KINDS.values()), SCENARIOS)
    if not check:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != fresh:
        print("docs/psps.md is stale. Run `make gen` and commit it.", file=sys.stderr)
        return 1
    print("docs/psps.md is up to date with the code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
