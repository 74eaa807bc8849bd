"""An Ogone of one's own: a stateful simulator of Ogone's pages on this machine.

Written from Ogone's guides, not from the adapter beside it: the adapter cannot tell it from the
real thing. `control` lists what tests and people can do to it, `cards` the test cards.

An HTTP request passes `edge` (faults), `answering` (which page, who asks, signed how) and ends in
`ordering`, `maintaining`, `querying`, `download` or `visits`, which change or read `books` without
I/O. What may be done is decided in `transitions`, what becomes of it in `acquiring`. Every step
leaves through `notifications`; `shopper` plays the shopper. `drifting` tells downloads wrongly on
purpose, `synthetic` invents rows by the million.
"""

from psp.ogone.sandbox.cards import TEST_CARDS
from psp.ogone.sandbox.drifting import DriftKind
from psp.ogone.sandbox.faults import Fault, FaultKind
from psp.ogone.sandbox.running import running_sandbox, serve_sandbox
from psp.ogone.sandbox.sandbox import OgoneSandbox
from psp.ogone.sandbox.shopper import Landing, answer_bank, pay_on_page

__all__ = [
    "TEST_CARDS",
    "DriftKind",
    "Fault",
    "FaultKind",
    "Landing",
    "OgoneSandbox",
    "answer_bank",
    "pay_on_page",
    "running_sandbox",
    "serve_sandbox",
]
