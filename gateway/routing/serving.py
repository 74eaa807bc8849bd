"""Whether an account can serve a method of a country, and what is wrong if it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.routing.accounts import DeclaredAccount
from gateway.routing.problems import Place, Report, suggestion
from psp.methods import MethodTraits
from psp.port import Capability, CapturePolicy, PaymentMethod
from psp.registry import PspKind

_NEEDED: Final[Mapping[CapturePolicy, frozenset[Capability]]] = {
    CapturePolicy.AUTOMATIC: frozenset({Capability.CREATE_PAYMENT}),
    CapturePolicy.AT_ORDER: frozenset({Capability.CREATE_PAYMENT, Capability.CAPTURE}),
    CapturePolicy.MANUAL: frozenset({Capability.CREATE_PAYMENT, Capability.CAPTURE}),
}
"""What a PSP must be able to do for each capture policy."""


@dataclass(frozen=True, slots=True)
class Role:
    """What an account is named for, as far as its problems are told differently."""

    method_key: tuple[str, ...]
    """Where the method is to be mended if the PSP does not take it."""
    way_out: str
    """Other than naming another account."""


MAIN: Final = Role(("method",), "switch the method off with enabled = false")
CANARY: Final = Role(("account",), "leave the canary out")


class Serving:
    """Looks at the accounts that one country names, against its capture policy."""

    def __init__(
        self,
        capture_policy: CapturePolicy | None,
        accounts: Mapping[str, DeclaredAccount],
        report: Report,
    ) -> None:
        self._capture_policy = capture_policy
        self._accounts = accounts
        self._report = report

    def account(
        self, name: str, role: Role, place: Place, *, enabled: bool
    ) -> DeclaredAccount | None:
        """Return an account by the name that stands at `place`; None if there is none."""
        account = self._accounts.get(name)
        place = (*place, "account")
        if account is None:
            self._report.add(place, "is no account of this file", suggestion(name, self._accounts))
            return None
        if account.retired and enabled:
            self._report.add(
                place,
                f"{account.name} is retired and takes no new payments",
                f"name another account, or {role.way_out}",
            )
        if account.kind is not None:
            self._check_capture_policy(account.kind, place)
        return account

    def traits(
        self, method: PaymentMethod, kind: PspKind, role: Role, place: Place
    ) -> MethodTraits | None:
        """Return what a PSP's method is like; None if it does not take it."""
        traits = kind.methods.get(method)
        if traits is None:
            can = ", ".join(sorted(kind.methods))
            use = f"use what it takes ({can})" if role is MAIN else role.way_out
            self._report.add(
                (*place, *role.method_key),
                f"{kind.name} does not take {method}",
                f"{use}, or name an account at another PSP",
            )
        return traits

    def check_taken(
        self,
        currencies: Sequence[str],
        method: PaymentMethod,
        traits: MethodTraits,
        role: Role,
        place: Place,
    ) -> None:
        """Note currencies that the PSP does not take the method in."""
        refused = [each for each in currencies if not traits.takes_currency(each)]
        if not refused:
            return
        taken = ", ".join(f'"{each}"' for each in currencies if traits.takes_currency(each))
        if role is CANARY:
            of_method = f"write currencies = [{taken}] for the method, or " if taken else ""
            cure = f"{of_method}{role.way_out}"
        else:
            cure = f"write currencies = [{taken}]" if taken else f"leave {method} out"
        self._report.add(
            place, f"the account's PSP does not take {method} in {', '.join(refused)}", cure
        )

    def _check_capture_policy(self, kind: PspKind, place: Place) -> None:
        policy = self._capture_policy
        if policy is None or _NEEDED[policy] <= kind.capabilities:
            return
        can = [f'"{each}"' for each, needed in _NEEDED.items() if needed <= kind.capabilities]
        policies = f"set the country's capture_policy to {' or '.join(can)}, or " if can else ""
        self._report.add(
            place,
            f'{kind.name} cannot do what capture_policy = "{policy}" needs',
            f"{policies}name an account at another PSP",
        )
