"""How many examples are tried: a few that never change in CI, as many as wanted by hand."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

_VARIABLE: Final = "PAYGATE_FUZZ_EXAMPLES"


def effort(examples: int) -> settings:
    """Return settings that try so many examples, or as many as `make fuzz` asks for."""
    wanted = os.environ.get(_VARIABLE, "")
    return settings(
        max_examples=int(wanted) if wanted else examples,
        # What CI finds must be found again; by hand each run goes where none went before.
        derandomize=not wanted,
        deadline=None,
        database=None,
        # One server for all examples, on purpose: what one leaves behind meets the next.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
