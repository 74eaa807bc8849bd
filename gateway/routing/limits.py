"""`[countries.CODE.methods.limits.*]`: a PSP's limits, narrowed by the country's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.routing import AmountLimits
from gateway.routing.problems import Place, Report, suggestion
from gateway.routing.schema import LimitsTable, Table
from psp.methods import MethodTraits
from psp.money import Money


def read_limits(
    tables: Mapping[str, Table],
    currencies: Sequence[str],
    traits: MethodTraits,
    place: Place,
    report: Report,
) -> dict[str, AmountLimits]:
    """Return the limits of each of `currencies`, which we know, both ends included.

    A limit wider than the PSP's is a problem: who wrote it counts on something that never happens.
    """
    for currency in tables:
        if currency not in currencies:
            cure = suggestion(currency, currencies)
            report.add((*place, currency), "is no currency of this method", cure)
    return {
        currency: _narrowed(tables.get(currency, {}), currency, traits, (*place, currency), report)
        for currency in currencies
    }


def _narrowed(
    table: Table, currency: str, traits: MethodTraits, place: Place, report: Report
) -> AmountLimits:
    least = traits.min_amount_minor.get(currency, 1)
    most = traits.max_amount_minor.get(currency)
    own = report.parse(LimitsTable, table, place) or LimitsTable()
    own_least, own_most = own.min_amount_minor, own.max_amount_minor
    if own_least is not None and own_least < least:
        report.add(
            (*place, "min_amount_minor"),
            f"has no effect: the PSP takes at least {Money(least, currency)}",
            f"write {least} or more, or leave it out",
        )
    if own_most is not None and most is not None and own_most > most:
        report.add(
            (*place, "max_amount_minor"),
            f"has no effect: the PSP takes at most {Money(most, currency)}",
            f"write {most} or less, or leave it out",
        )
    limits = AmountLimits(
        least if own_least is None else max(least, own_least),
        own_most if own_most is not None and (most is None or own_most < most) else most,
    )
    _check_order(limits, own, place, report)
    return limits


def _check_order(limits: AmountLimits, own: LimitsTable, place: Place, report: Report) -> None:
    most = limits.max_amount_minor
    if most is None or limits.min_amount_minor <= most:
        return
    key = "min_amount_minor" if own.max_amount_minor is None else "max_amount_minor"
    report.add(
        (*place, key),
        f"leaves no amount: at least {limits.min_amount_minor} and at most {most} minor units",
        "write a minimum that is not above the maximum",
    )
