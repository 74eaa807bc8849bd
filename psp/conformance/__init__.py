"""The suite that every PSP must pass: one list of scenarios, played over any adapter.

`scenarios.SCENARIOS` is the list, `skips.skips` says which of it a PSP cannot play and why. A
scenario knows the port and a `bench.Bench`, which is the adapter, its sandbox and a shopper; it
never knows which PSP it plays with. A broken promise raises `expecting.ConformanceError`.
"""

from psp.conformance.bench import Bench, Books, Card, Silenced, Webhook
from psp.conformance.expecting import ConformanceError
from psp.conformance.scenarios import SCENARIOS
from psp.conformance.skips import Scenario, Skip, skips

__all__ = [
    "SCENARIOS",
    "Bench",
    "Books",
    "Card",
    "ConformanceError",
    "Scenario",
    "Silenced",
    "Skip",
    "Webhook",
    "skips",
]
