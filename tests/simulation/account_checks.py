"""What must hold of shoppers' accounts: what was reported, and what the PSPs' books say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gateway.domain.posting import PostingState
from legacy_bridge.port import AccountMovement
from tests.simulation.books import BookEntry
from tests.simulation.ledger import Ledger
from tests.simulation.rows import Problem, Rows
from tests.simulation.shoppers import Purchase
from tests.simulation.world import World
from tests.support.closing import expected_to_be_paid_out, left_open, paid_out

_REPORTED = ("invoice:", "parcel:")


async def account_problems(
    world: World, purchases: Sequence[Purchase], rows: Rows, books: Mapping[str, BookEntry]
) -> list[Problem]:
    """Return what is wrong with the accounts in the back office."""
    ledger = world.ledger
    owner = {each.order.order_id: each.order.customer_id for each in purchases}
    owner |= ledger.accounts
    problems = list(_posted(rows, owner))
    every: list[AccountMovement] = []
    for customer in sorted({each for each in owner.values() if each}):
        movements = [each async for each in world.office.list_movements(customer)]
        problems += _balance(await world.office.balance(customer), movements, ledger, customer)
        every += movements
    problems += _once(rows, every)
    problems += _reports(ledger, every)
    problems += _refunds(rows, books, every, owner)
    return problems


def _posted(rows: Rows, owner: Mapping[str, str]) -> Iterable[Problem]:
    """Nothing is left in the backlog, and only a guest's order moves no account."""
    for row in rows.postings:
        if row.state in {PostingState.DUE, PostingState.REFUSED}:
            yield row.order_id, f"{row.key} is {row.state} still: {row.last_error}"
        if row.state == PostingState.NO_ACCOUNT and not _may_have_none(row.order_id, owner):
            yield row.order_id, f"{row.key} found no account of {owner.get(row.order_id)}"


def _may_have_none(order_id: str, owner: Mapping[str, str]) -> bool:
    """Whether the order is a guest's, whose account was named late or never."""
    return not owner.get(order_id) or owner[order_id].startswith("guest-of-")


def _once(rows: Rows, every: Sequence[AccountMovement]) -> Iterable[Problem]:
    ours = {row.key for row in rows.postings if row.state == PostingState.POSTED}
    theirs = Counter(each.key for each in every)
    yield from (
        ("", f"{key} was posted {count} times") for key, count in theirs.items() if count > 1
    )
    if ours != set(theirs):
        yield "", f"movements {sorted(ours ^ set(theirs))} are posted on one side alone"


def _reports(ledger: Ledger, every: Sequence[AccountMovement]) -> Iterable[Problem]:
    """What order management was told is written down is on the account, and nothing else is."""
    there = {each.key: each for each in every if each.key.startswith(_REPORTED)}
    for report in ledger.reports.values():
        movement = there.pop(report.key, None)
        if movement is None:
            if report.customer_id:
                yield report.order_id, f"{report.key} was answered, and is not on the account"
            continue
        moved = (movement.customer_id, movement.signed_minor, movement.amount.currency)
        meant = (report.customer_id, report.signed_minor, report.currency)
        if moved != meant:
            yield report.order_id, f"{report.key} moved {moved}, and {meant} was reported"
    for key, movement in there.items():
        if key not in ledger.unsure:
            yield movement.order_id, f"{key} is on the account, and was never answered"


def _balance(
    balance: Mapping[str, int],
    movements: Sequence[AccountMovement],
    ledger: Ledger,
    customer: str,
) -> Iterable[Problem]:
    """Owed is what was invoiced and never shipped; every refund is closed."""
    owed: Counter[tuple[str, str]] = Counter()
    unsure = [each for each in movements if each.key in ledger.unsure]
    for each in unsure:
        owed[each.order_id, each.amount.currency] += each.signed_minor
    for report in ledger.reports.values():
        if report.customer_id == customer:
            owed[report.order_id, report.currency] += report.signed_minor
    expected = {key: minor for key, minor in owed.items() if minor}
    found = left_open(movements)
    for subject, currency in sorted(expected.keys() ^ found.keys()):
        pair = expected.get((subject, currency), 0), found.get((subject, currency), 0)
        yield "", f"{customer} is owed {pair[1]} {currency} of {subject} instead of {pair[0]}"
    sums: Counter[str] = Counter(dict.fromkeys(balance, 0))
    for (_, currency), minor in expected.items():
        sums[currency] += minor
    if dict(balance) != dict(sums):
        yield "", f"the balance of {customer} is {dict(balance)} instead of {dict(sums)}"


def _refunds(
    rows: Rows,
    books: Mapping[str, BookEntry],
    every: Sequence[AccountMovement],
    owner: Mapping[str, str],
) -> Iterable[Problem]:
    """What the accounts say was paid out is what the PSPs' books have of each refund."""
    moved = paid_out(every)
    at_psp = {refund.id: refund for entry in books.values() for refund in entry.refunds}
    for row in rows.refunds:
        there = at_psp.get(row.psp_reference)
        if there is None:
            gone = 0
        else:
            gone = expected_to_be_paid_out(there.amount_minor, is_away=there.counts)
        fine = {gone, 0} if _may_have_none(row.order_id, owner) else {gone}
        if moved[row.id] not in fine:
            yield row.order_id, f"{row.id} moved {moved[row.id]} on the account instead of {gone}"
