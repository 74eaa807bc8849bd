"""What must hold of reconciliation: books close to the cent, and what is open can be explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.domain.discrepancy import Discrepancy, DiscrepancyState, DiscrepancyType
from gateway.domain.reconciliation import Reconciliation
from psp.stripe.config import SettlementSource, StripeAccountConfig
from tests.simulation.rows import Problem, Rows
from tests.simulation.world import OGONE, STRIPE, World


def reconciliation_problems(world: World, rows: Rows) -> list[Problem]:
    """Return what is wrong with the runs after which nothing moved any more."""
    problems: list[Problem] = []
    for number, (runs, found) in enumerate(world.ledger.passes, start=1):
        for run in runs:
            where = f"{run.psp_account} the {number}. time"
            problems += [("", f"{where}: {text}") for text in _closes(world, run)]
        problems += _explained(world, rows, found)
    problems += _repeats(world)
    return problems


def _closes(world: World, run: Reconciliation) -> Iterable[str]:
    """To the cent: opening and activity are the closing, and activity is what the PSP knows."""
    if run.psp_account == STRIPE and _tells_balances(world):
        for balance in run.balances:
            if not balance.closes:
                yield f"{balance.currency} lacks {balance.difference_minor} at its close"
    activity: Counter[str] = Counter()
    for total in run.totals:
        activity[total.currency] += total.net_minor
    theirs = _balance(world, run.psp_account)
    if +activity != +theirs or -activity != -theirs:
        yield f"its lines come to {dict(activity)}, and the PSP's own books to {dict(theirs)}"


def _tells_balances(world: World) -> bool:
    account = world.configuration.accounts[STRIPE]
    assert isinstance(account, StripeAccountConfig)
    return account.settlements_from is SettlementSource.REPORT_RUNS


def _balance(world: World, account: str) -> Counter[str]:
    """Return what came to the merchant in all, as the PSP sees it: nobody is paid out here."""
    if account == STRIPE:
        books: Any = world.stripe.books()
        sums = Counter[str]()
        for each in books:
            sums.update({name.upper(): minor for name, minor in each["balance"].items()})
        return sums
    dumped: Any = world.ogone.books()
    return sum((Counter[str](each["taken"]) for each in dumped), Counter[str]())


def _explained(world: World, rows: Rows, found: Iterable[Discrepancy]) -> Iterable[Problem]:
    """Open is what somebody else took at the account, named once, and nothing else."""
    foreign = dict(world.ledger.foreign_lines)
    order_of: Mapping[str, str] = {row.id: row.order_id for row in rows.payments}
    for each in found:
        finding = each.finding
        if each.state is not DiscrepancyState.OPEN:
            continue
        money = foreign.pop(finding.subject.reference, None)
        named = (finding.type, finding.currency, finding.psp_minor)
        if money is None:
            about = f"{finding.type} {finding.subject.reference}: {finding.description}"
            yield order_of.get(finding.payment_id, ""), f"it is open that {about}"
        elif named != (DiscrepancyType.MISSING_HERE, money.currency, money.amount_minor):
            yield "", f"{finding.subject.reference} of {money} is named {named}"
    yield from (("", f"{line} of {money} is not named") for line, money in foreign.items())


def _repeats(world: World) -> Iterable[Problem]:
    """Runs over the same days find the same again: no new discrepancy, and none that changes."""
    if len(world.ledger.passes) < 2:
        yield "", "the days were not reconciled twice at last"
        return
    (_, before), (runs, after) = world.ledger.passes[-2:]
    if [_told(each) for each in before] != [_told(each) for each in after]:
        yield "", "a repeated run changed what was found"
    for run in runs:
        if run.counts.new or run.counts.healed:
            new, healed = run.counts.new, run.counts.healed
            yield "", f"{run.psp_account}: a repeated run found {new} new ones, and closed {healed}"
    if {run.psp_account for run in runs} != {STRIPE, OGONE}:
        yield "", f"only {[run.psp_account for run in runs]} was reconciled at last"


def _told(each: Discrepancy) -> tuple[Any, ...]:
    finding = each.finding
    return each.id, finding.type, finding.subject, each.state, finding.ours_minor, finding.psp_minor
