"""Checks the files that deploy and watch Paygate, as far as that goes without a container engine.

Commands, settings, ports, probes and metrics that they name are compared with the code; what must
hold for every container (no root, limits, pinned images, an end in good time) is looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "generated")]

from scripts.deploy_containers import compose_problems, dockerfile_problems  # noqa: E402 - a script finds the packages beside its folder
from scripts.deploy_kubernetes import kubernetes_problems  # noqa: E402 - as above
from scripts.deploy_watching import dashboard_problems, prometheus_problems  # noqa: E402 - as above


def problems(root: Path) -> list[str]:
    """Return what is wrong, each with its file."""
    return [
        *dockerfile_problems(root),
        *compose_problems(root),
        *kubernetes_problems(root),
        *prometheus_problems(root),
        *dashboard_problems(root),
    ]


def main() -> int:
    """Print what is wrong; the exit code."""
    found = problems(ROOT)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print("the files under config/ that deploy and watch go with the code")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
