"""Every method that can be called by name, and patterns over those names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

HEALTH: Final = "grpc.health.v1.Health"
"""Open to every verified caller: balancers and channels ask it of themselves."""

METHODS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "paygate.v1.AliasService": (
            "DeleteAlias",
            "ImportAliases",
            "ListAliases",
            "SetDefaultAlias",
            "StartAliasSetup",
        ),
        "paygate.v1.CustomerService": ("EnsureCustomer",),
        "paygate.v1.OrderService": ("GetOrder", "ReportInvoiced", "ReportParcelCreated"),
        "paygate.v1.PaymentService": (
            "CancelPayment",
            "CapturePayment",
            "CreatePayment",
            "GetPayment",
            "ListPaymentEvents",
            "ListPayments",
            "WatchPayment",
        ),
        "paygate.v1.ProposalService": ("GetPaymentProposal",),
        "paygate.v1.ReconciliationService": (
            "GetReconciliation",
            "ListDiscrepancies",
            "ResolveDiscrepancy",
            "RunReconciliation",
        ),
        "paygate.v1.RefundService": (
            "CreateRefund",
            "GetRefund",
            "GetRefundBatch",
            "ListRefunds",
            "SubmitRefundBatch",
        ),
        "paygate.v1.RoutingService": ("ExplainRoute", "GetCountryPolicy", "ListCountryPolicies"),
        "grpc.channelz.v1.Channelz": (
            "GetChannel",
            "GetServer",
            "GetServerSockets",
            "GetServers",
            "GetSocket",
            "GetSubchannel",
            "GetTopChannels",
        ),
        "grpc.reflection.v1.ServerReflection": ("ServerReflectionInfo",),
        "grpc.reflection.v1alpha.ServerReflection": ("ServerReflectionInfo",),
    }
)
"""By service: what a caller is allowed by name. A test holds it against the served descriptors."""

METHOD_NAMES: Final = tuple(
    f"{service}/{method}" for service, methods in METHODS.items() for method in methods
)
"""E.g. `paygate.v1.PaymentService/GetPayment`."""

_ANY: Final = "*"


def methods_of(pattern: str) -> frozenset[str]:
    """Return the methods that a pattern names; none if it is a mistake.

    A pattern is a method (`paygate.v1.PaymentService/GetPayment`), a service
    (`paygate.v1.PaymentService`), or the beginning of such a name and a star
    (`paygate.v1.PaymentService/Get*`, `paygate.v1.*`). A star alone names nothing: whoever may
    look into the server itself is told so by name.
    """
    if pattern in METHODS:
        return methods_of(f"{pattern}/{_ANY}")
    beginning = pattern.removesuffix(_ANY)
    if _ANY in beginning or "." not in beginning:
        return frozenset()
    if beginning == pattern:
        return frozenset({pattern} & set(METHOD_NAMES))
    return frozenset(name for name in METHOD_NAMES if name.startswith(beginning))
