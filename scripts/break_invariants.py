"""Breaks each invariant once, in a copy of the tree, and expects a test to fail each time.

A break replaces one piece of code by a wrong one. If a piece is not there any more, the break has
to be written anew: that is an error too. SQLite only, since the rules are the same on both.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", "var", ".hypothesis")
GATEWAY = "tests/integration/gateway"
UNIT = "tests/unit"
TESTS_FAILED = 1
"""pytest's exit code."""


@dataclass(frozen=True)
class Break:
    """One rule, broken."""

    rule: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


BREAKS = (
    Break(
        "1 pinned: a change may move a payment to another account",
        "gateway/storage/payments.py",
        '    "psp_reference",\n    "failure_json",',
        '    "psp_reference",\n    "psp_account",\n    "failure_json",',
        (f"{GATEWAY}/test_pinned.py",),
    ),
    Break(
        "1 pinned: an old payment goes to some other account",
        "gateway/payments/sending.py",
        "provider = self._providers.get(account)",
        "provider = next(iter(self._providers.values()), None)",
        (f"{GATEWAY}/test_pinned.py",),
    ),
    Break(
        "2 sums: a word whose sums cannot be is taken over",
        "gateway/domain/transitions.py",
        'wrong["sums"] = (',
        "_ = (",
        (f"{UNIT}/domain/test_transitions.py",),
    ),
    Break(
        "2 sums: more is captured than was authorised",
        "gateway/domain/permissions.py",
        "or wanted.amount_minor > capturable",
        "",
        (f"{GATEWAY}/test_purchase.py",),
    ),
    Break(
        "3 write-ahead: sent before it is written down",
        "gateway/payments/creation.py",
        "        try:\n            await self._books.open",
        "        await self._sender.attempt(payment, operation)\n"
        "        try:\n            await self._books.open",
        (f"{GATEWAY}/test_write_ahead.py",),
    ),
    Break(
        "4 one effect: a fresh key for each attempt",
        "gateway/domain/operation_rules.py",
        "idempotency_key=operation.idempotency_key,\n        psp_customer",
        'idempotency_key=__import__("uuid").uuid4().hex,\n        psp_customer',
        (f"{GATEWAY}/test_unknowns.py",),
    ),
    Break(
        "4 one effect: requests are not remembered",
        "gateway/payments/creation.py",
        "insert_request(request), ",
        "",
        (f"{GATEWAY}/test_write_ahead.py",),
    ),
    Break(
        "4 one effect: the resolver does nothing",
        "gateway/payments/resolver.py",
        "        return await self.lanes.fill(self._providers, self._begin)\n",
        "        return 0\n",
        (f"{GATEWAY}/test_crashes.py",),
    ),
    Break(
        "4 one effect: a change is stored over a younger version",
        "gateway/storage/payments.py",
        'guard="payment_version"',
        'guard=""',
        ("tests/integration/storage",),
    ),
    Break(
        "5 durable: a webhook is answered before it is stored",
        "gateway/events/inbox.py",
        "await self._database.commit([insert_event(received)])",
        "asyncio = __import__('asyncio')\n"
        "            asyncio.get_running_loop().call_later(0.02, lambda: asyncio.ensure_future("
        "self._database.commit([insert_event(received)])))",
        (f"{GATEWAY}/test_webhooks.py",),
    ),
    Break(
        "5 durable: an event that was put off is forgotten",
        "gateway/events/applying.py",
        "        now = self._clock()\n        await self._database.commit(",
        "        return await self._finish(events, InboxOutcome.IGNORED)\n"
        "        now = self._clock()\n        await self._database.commit(",
        (f"{GATEWAY}/test_webhooks.py",),
    ),
    Break(
        "6 release: an order is struck off before it was told",
        "gateway/events/delivery.py",
        "        try:\n            await self._handler.handle(",
        "        ids = [one.journal_id for one in lines]\n"
        "        await self._database.commit([delete_deliveries(ids)])\n"
        "        try:\n            await self._handler.handle(",
        (f"{GATEWAY}/test_crashes.py",),
    ),
    Break(
        "6 release: an order is struck off with its release, whatever else is due",
        "gateway/orders/handler.py",
        "is_last = event_type is EventType.ORDER_RELEASED and visit.is_at_rest()",
        "is_last = event_type is EventType.ORDER_RELEASED",
        (f"{GATEWAY}/test_crashes.py",),
    ),
    Break(
        "6 release: what others told while the money was captured is told again",
        "gateway/orders/handler.py",
        "if settled.is_fresh:",
        "if True:",
        (f"{GATEWAY}/test_meanwhile.py",),
    ),
    Break(
        "6 release: what was done unheard is told only of an order at rest",
        "gateway/orders/handler.py",
        "        await self._tell_what_was_done(order, visit)\n",
        "        if decision.action is OrderAction.WAIT:\n"
        "            await self._tell_what_was_done(order, visit)\n",
        (f"{GATEWAY}/test_meanwhile.py",),
    ),
    Break(
        "6 release: an order that could not be held is struck off",
        "gateway/orders/handler.py",
        "if is_done and decision.action in",
        "if decision.action in",
        (f"{GATEWAY}/test_meanwhile.py",),
    ),
    Break(
        "6 release: an open review is not heard",
        "gateway/orders/decision.py",
        "if payment.review is ReviewStatus.OPEN:",
        "if False:",
        (f"{UNIT}/orders",),
    ),
    Break(
        "6 release: refunded money counts",
        "gateway/orders/decision.py",
        "payment.captured_minor > payment.refunded_minor",
        "payment.captured_minor > 0",
        (f"{UNIT}/orders",),
    ),
    Break(
        "6 release: the PSP is not asked once more",
        "gateway/orders/handler.py",
        "decision.action not in _ASKS_FIRST",
        "True",
        (f"{GATEWAY}/test_purchase.py", f"{GATEWAY}/test_confirmations.py"),
    ),
    Break(
        "6 release: what came while an order was told of another is struck off",
        "gateway/orders/handler.py",
        "visit.payments, must_look = None, True",
        "must_look = True",
        (f"{GATEWAY}/test_reviews.py",),
    ),
    Break(
        "8 unknown: silence becomes a failure",
        "gateway/domain/transitions.py",
        "unknown = replace(payment, state=PaymentState.OUTCOME_UNKNOWN)",
        "unknown = replace(payment, state=PaymentState.FAILED)",
        (f"{UNIT}/domain/test_outcome.py",),
    ),
    Break(
        "8 unknown: an early look proves absence",
        "gateway/domain/operation_rules.py",
        "Step.CONCLUDE if age > resending + SETTLING_TIME else Step.LOOK",
        "Step.CONCLUDE",
        (f"{UNIT}/domain/test_operation_rules.py",),
    ),
    Break(
        "2 sums: refund of more than is left",
        "gateway/domain/refund_rules.py",
        "or wanted.amount_minor > left.amount_minor",
        "",
        (f"{GATEWAY}/test_refunds.py",),
    ),
    Break(
        "3 write-ahead: refund without its operation row",
        "gateway/refunds/creation.py",
        "            insert_operation(beginning.operation),\n",
        "",
        (f"{GATEWAY}/test_refund_unknowns.py",),
    ),
    Break(
        "4 one effect: refund under a fresh key for each attempt",
        "gateway/domain/refund_rules.py",
        "idempotency_key=operation.idempotency_key",
        'idempotency_key=__import__("uuid").uuid4().hex',
        (f"{UNIT}/domain/test_refund_rules.py", f"{GATEWAY}/test_refund_unknowns.py"),
    ),
    Break(
        "4 one effect: refund forgets what the PSP gave back itself",
        "gateway/domain/refund_rules.py",
        "payment.captured_minor - max(payment.refunded_minor, known)",
        "payment.captured_minor - known",
        (f"{GATEWAY}/test_refunds_by_itself.py", f"{GATEWAY}/test_refund_adoption.py"),
    ),
    Break(
        "4 one effect: an equal refund made by hand is taken for ours",
        "gateway/refunds/creation.py",
        ".idempotency_lifetime_s:",
        ".idempotency_lifetime_s >= 0:",
        (f"{GATEWAY}/test_refund_unknowns.py",),
    ),
    Break(
        "4 one effect: a refund under way is taken for a foreign one",
        "gateway/refunds/syncing.py",
        "if any(refund.is_unanswered for refund in refunds):",
        "if False:",
        (f"{GATEWAY}/test_refund_unknowns.py",),
    ),
    Break(
        "4 one effect: an automatic refund that came back is made again",
        "gateway/orders/decision.py",
        "if payment.id not in came_back:",
        "if True:",
        (f"{GATEWAY}/test_refunds_by_itself.py",),
    ),
    Break(
        "6 release: a refund that the PSP refused alarms although the money is back",
        "gateway/orders/handler.py",
        "OrderAction.REFUND, OrderAction.ALARM}",
        "OrderAction.REFUND}",
        (f"{GATEWAY}/test_refunds_by_itself.py",),
    ),
    Break(
        "6 release: what is stored while the PSP is asked is overlooked",
        "gateway/orders/handler.py",
        "was stored meanwhile.\n            visit.payments = None\n",
        "was stored meanwhile.\n",
        (f"{GATEWAY}/test_meanwhile.py",),
    ),
    Break(
        "6 release: a wish is carried out on a payment that changed since",
        "gateway/payments/changes.py",
        "raise operation_in_progress(payment.id) from None",
        "payment = await self._books.get(payment.id)\n                    continue",
        (f"{GATEWAY}/test_meanwhile.py",),
    ),
    Break(
        "7 account: each attempt to post has a key of its own",
        "gateway/domain/posting.py",
        "            key=self.key,",
        '            key=f"{self.key}:{self.attempts}",',
        ("tests/integration/accounts/test_posting.py",),
    ),
    Break(
        "7 account: what the back office did not answer is taken for posted",
        "gateway/accounts/posting_work.py",
        'await self._put_off(posting, f"{type(error).__name__}: {error}")',
        "await self._database.commit([end_posting(posting, PostingState.POSTED)])",
        ("tests/integration/accounts/test_posting.py",),
    ),
    Break(
        "8 unknown: silence makes a refund failed",
        "gateway/domain/refund_outcome.py",
        "refund, OperationState.UNKNOWN, detail\n    )\n\n\ndef _recorded",
        "refund, OperationState.FAILED, detail\n    )\n\n\ndef _recorded",
        (f"{UNIT}/domain/test_refund_outcome.py",),
    ),
    Break(
        "9 secrets: the client secret is journaled",
        "gateway/domain/transitions.py",
        '{"from": before.state, "psp_status": word.raw_status},',
        '{"from": before.state, "psp_status": str(word.next_action and '
        "word.next_action.client_secret)},",
        ("tests/e2e/test_secrets.py",),
    ),
    Break(
        "bounded: a body that trickles in is read for ever",
        "gateway/web/bodies.py",
        "asyncio.timeout(timeout_s)",
        "asyncio.timeout(None)",
        ("tests/integration/web/test_webhooks.py",),
    ),
    Break(
        "bad input: what is refused as invalid has changed a row",
        "gateway/api/customer_service.py",
        "        links = await self._customers.ensure(",
        "        someone = CustomerProfile('c1', 'a@b.eu', '', '', 'FR', '')\n"
        "        key = RequestKey('x', 'y', __import__('uuid').uuid4().hex)\n"
        "        await self._customers.ensure(EnsureCustomerCommand(key, someone), None)\n"
        "        links = await self._customers.ensure(",
        ("tests/fuzz/test_rpcs.py",),
    ),
    Break(
        "a mutation dies with its caller",
        "gateway/shield.py",
        "return await asyncio.shield(task)",
        "return await task",
        (f"{GATEWAY}/test_write_ahead.py",),
    ),
)


def main() -> int:
    """Break one rule after the other; 0 if a test noticed each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="breaks whose rule holds this text")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory(prefix="paygate-broken-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        unnoticed = [each for each in BREAKS if only in each.rule and not is_noticed(copy, each)]
    print(f"{len(unnoticed)} unnoticed" if unnoticed else "every break was noticed")
    return 1 if unnoticed else 0


def is_noticed(copy: Path, broken: Break) -> bool:
    """Whether the tests fail over the broken copy; it is whole again afterwards."""
    file = copy / broken.file
    whole = file.read_text()
    if broken.right not in whole:
        print(f"OUTDATED   {broken.rule}: {broken.file} does not hold what it breaks", flush=True)
        return False
    file.write_text(whole.replace(broken.right, broken.wrong, 1))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, "-k", "not postgresql", *broken.tests],
            cwd=copy,
            # Processes that a test starts are to run the copy's code too.
            env={**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{copy / 'generated'}"},
            check=False,
            capture_output=True,
        )
    finally:
        file.write_text(whole)
    noticed = done.returncode == TESTS_FAILED
    print(f"{'noticed' if noticed else 'UNNOTICED':10} {broken.rule}", flush=True)
    return noticed


if __name__ == "__main__":
    sys.exit(main())
