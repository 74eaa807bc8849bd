"""`[countries.CODE.methods.canary]`: a second account, and the part of the shoppers it serves."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.routing import AmountLimits, Canary
from gateway.routing.problems import Place, Report
from gateway.routing.schema import CanaryTable, MethodTable
from gateway.routing.serving import CANARY, Serving
from psp.methods import MethodTraits
from psp.money import Money


def read_canary(
    method: MethodTable,
    limits: Mapping[str, AmountLimits],
    serving: Serving,
    place: Place,
    report: Report,
) -> Canary | None:
    """Return a method's canary; None if it has none, or problems keep it from being read.

    It takes what the method takes, whose `limits` are given, and no more than its own PSP does.
    """
    if method.canary is None:
        return None
    canary = report.parse(CanaryTable, method.canary, place)
    if canary is None:
        return None
    if canary.account == method.account:
        report.add(
            (*place, "account"),
            f"{canary.account} serves the method already",
            "name another account, or leave the canary out",
        )
        return None
    account = serving.account(canary.account, CANARY, place, enabled=method.enabled)
    if account is None or account.kind is None:
        return None
    traits = serving.traits(method.method, account.kind, CANARY, place)
    if traits is None:
        return None
    place = (*place, "account")
    serving.check_taken(tuple(limits), method.method, traits, CANARY, place)
    return Canary(
        canary.account,
        canary.basis_points,
        {
            currency: _common(currency, each, traits, place, report)
            for currency, each in limits.items()
        },
    )


def _common(
    currency: str, limits: AmountLimits, traits: MethodTraits, place: Place, report: Report
) -> AmountLimits:
    """Return what the method and the canary's PSP both take."""
    least = max(limits.min_amount_minor, traits.min_amount_minor.get(currency, 1))
    ends = (limits.max_amount_minor, traits.max_amount_minor.get(currency))
    most = min((end for end in ends if end is not None), default=None)
    if most is not None and least > most:
        report.add(
            place,
            "leaves no amount that both PSPs take: "
            f"at least {Money(least, currency)} and at most {Money(most, currency)}",
            f"widen limits.{currency}, or leave the canary out",
        )
    return AmountLimits(least, most)
