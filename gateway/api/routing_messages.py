"""RoutingService: what routing answers, written as messages."""

from __future__ import annotations

from gateway.api.enums import CAPTURE_POLICIES, METHODS
from gateway.api.money import money_message
from gateway.domain.routing import (
    AmountLimits,
    Canary,
    CountryPolicy,
    MethodRoute,
    RouteDecision,
    RoutingTable,
)
from gateway.refusals import REASON_OF_REFUSAL
from paygate.v1 import money_pb2
from paygate.v1 import routing_service_pb2 as pb
from psp.money import Money


def decision_message(decision: RouteDecision, config_digest: str) -> pb.ExplainRouteResponse:
    """Write a routing decision with its steps."""
    refusal = decision.refusals[0] if decision.refusals else None
    return pb.ExplainRouteResponse(
        psp_account=decision.account or "",
        refusal="" if refusal is None else REASON_OF_REFUSAL[refusal].value,
        steps=[
            pb.RouteStep(rule=step.rule, passed=step.passed, explanation=step.explanation)
            for step in decision.steps
        ],
        config_digest=config_digest,
    )


def policy_message(policy: CountryPolicy, table: RoutingTable) -> pb.CountryPolicy:
    """Write how a country sells."""
    return pb.CountryPolicy(
        country_code=policy.country_code,
        currency_codes=policy.currencies,
        capture_policy=CAPTURE_POLICIES.to_wire[policy.capture_policy],
        methods=[_method_message(route, table) for route in policy.methods],
    )


def minimum_message(limits: AmountLimits, currency: str) -> money_pb2.Money | None:
    """Write the least that is taken; None if any amount above zero is."""
    least = limits.min_amount_minor
    return money_message(Money(least, currency)) if least > 1 else None


def maximum_message(limits: AmountLimits, currency: str) -> money_pb2.Money | None:
    """Write the most that is taken; None if there is no limit."""
    most = limits.max_amount_minor
    return None if most is None else money_message(Money(most, currency))


def _method_message(route: MethodRoute, table: RoutingTable) -> pb.MethodPolicy:
    limits = sorted(route.limits.items())
    minimums = [minimum_message(each, currency) for currency, each in limits]
    maximums = [maximum_message(each, currency) for currency, each in limits]
    return pb.MethodPolicy(
        method=METHODS.to_wire[route.method],
        psp_account=route.account,
        psp=table.accounts[route.account].psp,
        minimums=[each for each in minimums if each is not None],
        maximums=[each for each in maximums if each is not None],
        canary=None if route.canary is None else _canary_message(route.canary, table),
    )


def _canary_message(canary: Canary, table: RoutingTable) -> pb.Canary:
    return pb.Canary(
        psp_account=canary.account,
        psp=table.accounts[canary.account].psp,
        percent=canary.basis_points / 100,
    )
