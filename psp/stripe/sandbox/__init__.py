"""A Stripe of one's own: a stateful simulator of Stripe's HTTP API on this machine.

Written from Stripe's documentation and the types of its SDK, not from the adapter beside it: the
adapter cannot tell it from the real thing. `control` lists what tests and people can do to it.

An HTTP request passes `edge` (key, faults), `endpoints` (which one), `checking` with
`parameter_tables` (what it may say), and ends in `creating`, `confirming`, `charging`, `settling`,
`refunding`, `setting_up`, `customers`, `payment_methods`, `reviewing` or `listing`, which change or
read `books` without I/O; `timekeeping` does what time alone does.
What moves money is written down by `balance`, told by `balance_listing` or by `reporting` and its
files (`report_files`, served by `files`), and told wrongly by `drifting`.
Events leave through `webhooks`; `browser` plays the shopper.
"""

from psp.stripe.sandbox.faults import Fault, FaultKind
from psp.stripe.sandbox.running import running_sandbox, serve_sandbox
from psp.stripe.sandbox.sandbox import StripeSandbox

__all__ = ["Fault", "FaultKind", "StripeSandbox", "running_sandbox", "serve_sandbox"]
