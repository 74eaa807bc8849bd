"""What must hold once all trouble is over: read from the PSPs' books and the back office's log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundCause, RefundState
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import OrderAction
from psp.port import CapturePolicy
from tests.simulation.account_checks import account_problems
from tests.simulation.books import BookEntry, BookRefund
from tests.simulation.file_checks import file_problems
from tests.simulation.reconciliation_checks import reconciliation_problems
from tests.simulation.rows import Problem, Rows, read_rows
from tests.simulation.shoppers import Purchase
from tests.simulation.world import World

_AT_REST = frozenset(
    {
        PaymentState.AUTHORIZED,
        PaymentState.CAPTURED,
        PaymentState.CANCELED,
        PaymentState.FAILED,
        # Nobody closes it when a clerk cancels its order, or another payment was faster; and at
        # Ogone there is nothing to close. Money that comes is given back.
        PaymentState.AWAITING_CUSTOMER,
    }
)


_SWEPT = "nobody paid within"
"""How the sweeper's reason begins: it closes every way to pay before it gives an order up."""


async def check(world: World, purchases: Sequence[Purchase]) -> list[Problem]:
    """Return everything that is wrong."""
    rows, books = await read_rows(world), world.books.all()
    problems: list[Problem] = [*world.problems]
    released: list[DraftOrder] = []
    problems += [("", f"a fault of ours: {fault}") for fault in world.trace.faults]
    for purchase in purchases:
        order = await world.office.find_order(purchase.order.order_id)
        if order is None:
            problems.append((purchase.order.order_id, "its draft is gone"))
            continue
        actions = await world.office.list_actions(order.order_id)
        mine = rows.by_order.get(order.order_id, [])
        entries = [books[row.id] for row in mine if row.id in books]
        told = {
            line.payment_id
            for line in rows.journal
            if line.type == "order_conflict" and line.order_id == order.order_id
        }
        if order.state is OrderState.RELEASED and order.payment_id:
            released.append(order)
        for text in _order(world, purchase, order, actions, entries, told):
            problems.append((order.order_id, text))
    problems += _payments(rows, books)
    problems += _refunds(rows, books)
    problems += _told_once(rows, released)
    problems += _durable(world, rows)
    problems += _settled(rows)
    problems += await file_problems(world, rows, books)
    problems += await account_problems(world, purchases, rows, books)
    problems += reconciliation_problems(world, rows)
    return problems


async def check_before_reconciling(world: World) -> list[Problem]:
    """Return payments that wait still, a day after the trouble: no report is needed to end them."""
    rows = await read_rows(world)
    return [
        (row.order_id, f"{row.id} is {row.state} until its account is reconciled")
        for row in rows.payments
        if row.state not in _AT_REST
    ]


# ------------------------------------------------------------ orders
def _order(
    world: World,
    purchase: Purchase,
    order: DraftOrder,
    actions: Sequence[OrderAction],
    entries: Sequence[BookEntry],
    alarmed: Collection[str],
) -> Iterable[str]:
    releases = sum(each.changed and each.state is OrderState.RELEASED for each in actions)
    if releases > 1:
        yield f"it was released {releases} times"
    if order.state is OrderState.DRAFT:
        # One whose shopper left at her bank's page stays, with an alarm in every sweep.
        if not any(entry.at_the_bank for entry in entries):
            yield "it is a draft still, days later"
    elif order.state is OrderState.HELD:
        if not _may_be_held(purchase, order, entries):
            yield f"it is held for no reason that the PSP's books show: {order.reason}"
    else:
        yield from _decided(world, purchase, order, entries, alarmed)


def _decided(
    world: World,
    purchase: Purchase,
    order: DraftOrder,
    entries: Sequence[BookEntry],
    alarmed: Collection[str],
) -> Iterable[str]:
    """See that a released order is paid once, and that nothing else of it is kept."""
    pays = order.payment_id if order.state is OrderState.RELEASED else ""
    if pays and pays not in {entry.payment_id for entry in entries}:
        yield f"it is released for {pays}, which no PSP knows"
    for entry in entries:
        if entry.payable and order.reason.startswith(_SWEPT):
            yield f"it was swept, and {entry.payment_id} can be paid at the PSP still"
        if entry.payment_id == pays:
            yield from _released(world, purchase, order, entry, told=entry.payment_id in alarmed)
        elif entry.taken_minor or entry.held_minor:
            yield from _kept(order, entry, told=entry.payment_id in alarmed)


def _kept(order: DraftOrder, entry: BookEntry, *, told: bool) -> Iterable[str]:
    """Money that pays for nothing stays only if the PSP returned its refund, and people know."""
    if not told:
        yield (
            f"it is {order.state}, and the PSP holds {entry.held_minor} and has taken "
            f"{entry.taken_minor} of {entry.payment_id}, of which nobody was told"
        )
    elif all(refund.counts for refund in entry.refunds):
        yield f"the money of {entry.payment_id} was never sent back"


def _released(
    world: World, purchase: Purchase, order: DraftOrder, entry: BookEntry, *, told: bool
) -> Iterable[str]:
    policy = world.configuration.table.countries[order.country_code].capture_policy
    manual = policy is CapturePolicy.MANUAL
    if not manual and entry.captured_minor != order.total.amount_minor:
        yield f"it is released, and {entry.captured_minor} of {order.total} was captured"
    gone = not entry.captured_minor and not entry.held_minor
    # Reserved money that is captured by hand may be refused then, long after the release: an alarm
    # is all that can be done.
    if gone and not purchase.hand_made and not (manual and told):
        yield f"it is released, and the PSP has nothing of {entry.payment_id}"


def _may_be_held(purchase: Purchase, order: DraftOrder, entries: Sequence[BookEntry]) -> bool:
    """Whether the books show a reason to hold: a review, another amount, a hand in the money."""
    total = (order.total.amount_minor, order.total.currency)
    return purchase.hand_made or any(
        entry.review_open or (entry.amount_minor, entry.currency) != total for entry in entries
    )


# ------------------------------------------------------------ payments and refunds
def _payments(rows: Rows, books: dict[str, BookEntry]) -> Iterable[Problem]:
    known = {row.id: row for row in rows.payments}
    for entry in books.values():
        row = known.get(entry.payment_id)
        if row is not None:
            for text in _as_booked(row, entry):
                yield row.order_id, f"{row.id}: {text}"
        elif entry.taken_minor or entry.held_minor:
            yield "", f"the PSP has money of {entry.payment_id}, of which the gateway never heard"
    yield from _pinned(rows)
    yield from _gapless(rows)
    for row in rows.payments:
        if row.captured_minor and row.id not in books:
            yield row.order_id, f"{row.id} is captured here, and no PSP knows it"


def _as_booked(row: Any, entry: BookEntry) -> Iterable[str]:
    """Hold a payment here against the same one in the PSP's books."""
    ours = (row.captured_minor, row.refunded_minor)
    theirs = (entry.captured_minor, entry.refunded_minor)
    if not row.psp_account.startswith(entry.psp):
        yield f"it is at {entry.psp}, and the gateway says {row.psp_account}"
    if max(entry.captures, entry.charges) > 1:
        yield f"it was charged {entry.charges} and captured {entry.captures} times"
    if entry.refunded_minor > entry.captured_minor:
        yield "more was refunded than captured"
    if ours != theirs:
        yield f"captured and refunded are {ours} here and {theirs} at the PSP"
    if bool(entry.held_minor) != (row.state == PaymentState.AUTHORIZED):
        yield f"it is {row.state} here, and the PSP holds {entry.held_minor}"


def _pinned(rows: Rows) -> Iterable[Problem]:
    """No operation went to another account than its payment's."""
    account_of = {row.id: row for row in rows.payments}
    for operation in rows.operations:
        row = account_of[operation.payment_id]
        if operation.psp_account != row.psp_account:
            yield row.order_id, f"{row.id} is of {row.psp_account}, and {operation.id} is not"


def _told_once(rows: Rows, released: Collection[DraftOrder]) -> Iterable[Problem]:
    """See that journals tell of each release: whoever listens to them may ship by such a line."""
    told = Counter(line.payment_id for line in rows.journal if line.type == "order_released")
    for order in released:
        times = told.pop(order.payment_id, 0)
        if times != 1:
            yield order.order_id, f"its release for {order.payment_id} was told {times} times"
    for payment_id in told:
        yield "", f"a release for {payment_id} was told, and there was none"


def _gapless(rows: Rows) -> Iterable[Problem]:
    lines: dict[str, list[int]] = defaultdict(list)
    for line in rows.journal:
        lines[line.payment_id].append(line.sequence)
    for row in rows.payments:
        if sorted(lines[row.id]) != list(range(1, row.last_sequence + 1)):
            yield row.order_id, f"{row.id}: the journal has gaps: {sorted(lines[row.id])}"


def _refunds(rows: Rows, books: dict[str, BookEntry]) -> Iterable[Problem]:
    ours: dict[str, list[Any]] = defaultdict(list)
    for refund in rows.refunds:
        ours[refund.payment_id].append(refund)
    for row in rows.payments:
        entry = books.get(row.id)
        for text in _refunds_as_booked(ours[row.id], entry.refunds if entry else []):
            yield row.order_id, f"{row.id}: {text}"


def _refunds_as_booked(ours: Sequence[Any], theirs: Sequence[BookRefund]) -> Iterable[str]:
    """Hold a payment's refunds here against the PSP's: each request has one effect at most."""
    made = Counter(refund.ours for refund in theirs if refund.ours and refund.counts)
    yield from (f"{name} was made {count} times" for name, count in made.items() if count > 1)
    asked = [refund for refund in ours if refund.cause != RefundCause.PSP]
    sent = [refund for refund in theirs if not refund.foreign]
    if len(sent) > len(asked):
        yield f"{len(asked)} refunds were asked for, and {len(sent)} made"
    counted = Counter(refund.amount_minor for refund in ours if refund.state != RefundState.FAILED)
    booked = Counter(refund.amount_minor for refund in theirs if refund.counts)
    if counted != booked:
        yield f"refunds are {dict(counted)} here and {dict(booked)} at the PSP"


# ------------------------------------------------------------ what is durable, and settled
def _durable(world: World, rows: Rows) -> Iterable[Problem]:
    kept = {(row.psp_account, row.event_id) for row in rows.inbox}
    for account, event_id in sorted(world.post.acknowledged - kept):
        yield "", f"the webhook {event_id} of {account} was answered 2xx and is not in the inbox"


def _settled(rows: Rows) -> Iterable[Problem]:
    """Nothing waits any more: unknown was settled, told was delivered, heard was applied."""
    of_payment = {row.id: row.order_id for row in rows.payments}
    for row in rows.payments:
        if row.state not in _AT_REST:
            yield row.order_id, f"{row.id} is {row.state} still"
    for refund in rows.refunds:
        if refund.state == RefundState.OUTCOME_UNKNOWN:
            yield refund.order_id, f"{refund.id} is of unknown outcome still"
    for operation in rows.operations:
        if operation.state in {"pending", "unknown"}:
            text = f"{operation.kind} {operation.id} is {operation.state} still: {operation.error}"
            yield of_payment[operation.payment_id], text
    yield from (
        (line.order_id, f"its delivery is put off still: {line.last_error}") for line in rows.outbox
    )
    yield from (
        (of_payment.get(event.payment_id, ""), f"webhook {event.event_id} waits still")
        for event in rows.inbox
        if event.next_attempt_time is not None
    )
