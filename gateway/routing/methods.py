"""`[[countries.CODE.methods]]` of the configuration file: a method, its account, its currencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.domain.routing import MethodRoute
from gateway.routing.accounts import DeclaredAccount
from gateway.routing.currencies import check_currencies, known_currencies
from gateway.routing.limits import read_limits
from gateway.routing.problems import Place, Report, suggestion
from gateway.routing.schema import MethodTable, Table
from psp.methods import MethodTraits
from psp.port import Capability, CapturePolicy, PaymentMethod
from psp.registry import PspKind

_NEEDED: Final[Mapping[CapturePolicy, frozenset[Capability]]] = {
    CapturePolicy.AUTOMATIC: frozenset({Capability.CREATE_PAYMENT}),
    CapturePolicy.AT_ORDER: frozenset({Capability.CREATE_PAYMENT, Capability.CAPTURE}),
    CapturePolicy.MANUAL: frozenset({Capability.CREATE_PAYMENT, Capability.CAPTURE}),
}
"""What a PSP must be able to do for each capture policy."""


class MethodReader:
    """Reads the methods of one country, against its currencies, its policy and all accounts."""

    def __init__(
        self,
        currencies: Sequence[str],
        capture_policy: CapturePolicy | None,
        accounts: Mapping[str, DeclaredAccount],
        report: Report,
    ) -> None:
        self._currencies = known_currencies(currencies)
        self._capture_policy = capture_policy
        self._accounts = accounts
        self._report = report
        self._places: dict[PaymentMethod, int | str] = {}

    def read(self, table: Table, place: Place) -> MethodRoute | None:
        """Return one method; None if problems keep it from being read."""
        method = self._report.parse(MethodTable, table, place)
        if method is None:
            return None
        self._check_listed_once(method.method, place)
        account = self._account(method, place)
        if account is None or account.kind is None:
            return None
        self._check_capture_policy(account.kind, place)
        traits = self._traits(method.method, account.kind, place)
        if traits is None:
            return None
        currencies = self._method_currencies(method, traits, place)
        limits = read_limits(method.limits, currencies, traits, (*place, "limits"), self._report)
        return MethodRoute(method.method, account.name, limits, method.enabled)

    def _check_listed_once(self, method: PaymentMethod, place: Place) -> None:
        first = self._places.setdefault(method, place[-1])
        if first != place[-1]:
            self._report.add(
                (*place, "method"),
                f"{method} stands already in methods[{first}]",
                "list each method once",
            )

    def _account(self, method: MethodTable, place: Place) -> DeclaredAccount | None:
        account = self._accounts.get(method.account)
        place = (*place, "account")
        if account is None:
            cure = suggestion(method.account, self._accounts)
            self._report.add(place, "is no account of this file", cure)
        elif account.retired and method.enabled:
            self._report.add(
                place,
                f"{account.name} is retired and takes no new payments",
                "name another account, or switch the method off with enabled = false",
            )
        return account

    def _check_capture_policy(self, kind: PspKind, place: Place) -> None:
        policy = self._capture_policy
        if policy is None or _NEEDED[policy] <= kind.capabilities:
            return
        can = [f'"{each}"' for each, needed in _NEEDED.items() if needed <= kind.capabilities]
        policies = f"set the country's capture_policy to {' or '.join(can)}, or " if can else ""
        self._report.add(
            (*place, "account"),
            f'{kind.name} cannot do what capture_policy = "{policy}" needs',
            f"{policies}name an account at another PSP",
        )

    def _traits(self, method: PaymentMethod, kind: PspKind, place: Place) -> MethodTraits | None:
        traits = kind.methods.get(method)
        if traits is None:
            can = ", ".join(sorted(kind.methods))
            self._report.add(
                (*place, "method"),
                f"{kind.name} does not take {method}",
                f"use what it takes ({can}), or name an account at another PSP",
            )
        return traits

    def _method_currencies(
        self, method: MethodTable, traits: MethodTraits, place: Place
    ) -> Sequence[str]:
        listed = method.currencies
        if listed is None:
            self._check_taken(self._currencies, method.method, traits, place)
            return self._currencies
        place = (*place, "currencies")
        check_currencies(listed, place, self._report)
        known = known_currencies(listed)
        self._check_taken(known, method.method, traits, place)
        for number, currency in enumerate(listed):
            if self._currencies and currency in known and currency not in self._currencies:
                self._report.add(
                    (*place, number),
                    "is no currency of the country",
                    "add it to the country's currencies, or leave it out here",
                )
        return known

    def _check_taken(
        self, currencies: Sequence[str], method: PaymentMethod, traits: MethodTraits, place: Place
    ) -> None:
        refused = [each for each in currencies if not traits.takes_currency(each)]
        if not refused:
            return
        taken = ", ".join(f'"{each}"' for each in currencies if traits.takes_currency(each))
        self._report.add(
            place,
            f"the account's PSP does not take {method} in {', '.join(refused)}",
            f"write currencies = [{taken}]" if taken else f"leave {method} out",
        )
