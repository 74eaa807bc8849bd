"""What each caller may call: the list in force, and the decision about one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.errors import PaygateError, Reason
from gateway.identity.methods import HEALTH


@dataclass(frozen=True, slots=True)
class CallerPolicy:
    """By a caller's verified name: the methods it may call. Who is not in it may call nothing."""

    methods: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Methods as `gateway.identity.methods.METHOD_NAMES` writes them."""

    def allows(self, caller: str, method: str) -> bool:
        """Whether a caller may call a method, e.g. `paygate.v1.PaymentService/GetPayment`."""
        return method in self.methods.get(caller, ()) or method.startswith(f"{HEALTH}/")


class CallerSource:
    """Holds the policy in force; calls that began under another one go on."""

    def __init__(self, policy: CallerPolicy) -> None:
        self._policy = policy

    @property
    def policy(self) -> CallerPolicy:
        """The policy in force now."""
        return self._policy

    def replace(self, policy: CallerPolicy) -> None:
        """Put another policy in force, whole."""
        self._policy = policy

    def require(self, caller: str, path: str) -> None:
        """Raise `PaygateError` if a caller may not call a method, given as gRPC's `/name`."""
        method = path.removeprefix("/")
        if not self._policy.allows(caller, method):
            raise PaygateError(
                Reason.CALLER_NOT_ALLOWED,
                f"{caller} may not call {method}: an operator lists it for this caller in the "
                "gateway's configuration",
                metadata={"caller": caller, "method": method},
            )
