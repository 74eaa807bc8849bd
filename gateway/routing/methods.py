"""`[[countries.CODE.methods]]` of the configuration file: a method, its account, its currencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.routing import MethodRoute
from gateway.routing.accounts import DeclaredAccount
from gateway.routing.canaries import read_canary
from gateway.routing.currencies import check_currencies, known_currencies
from gateway.routing.limits import read_limits
from gateway.routing.problems import Place, Report
from gateway.routing.schema import MethodTable, Table
from gateway.routing.serving import MAIN, Serving
from psp.methods import MethodTraits
from psp.port import CapturePolicy, PaymentMethod


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
        self._serving = Serving(capture_policy, accounts, report)
        self._report = report
        self._places: dict[PaymentMethod, int | str] = {}

    def read(self, table: Table, place: Place) -> MethodRoute | None:
        """Return one method; None if problems keep it from being read."""
        method = self._report.parse(MethodTable, table, place)
        if method is None:
            return None
        self._check_listed_once(method.method, place)
        route = self._read_main(method, place)
        limits = {} if route is None else route.limits
        canary = read_canary(method, limits, self._serving, (*place, "canary"), self._report)
        return None if route is None else replace(route, canary=canary)

    def _read_main(self, method: MethodTable, place: Place) -> MethodRoute | None:
        account = self._serving.account(method.account, MAIN, place, enabled=method.enabled)
        if account is None or account.kind is None:
            return None
        traits = self._serving.traits(method.method, account.kind, MAIN, place)
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

    def _method_currencies(
        self, method: MethodTable, traits: MethodTraits, place: Place
    ) -> Sequence[str]:
        listed = method.currencies
        if listed is None:
            self._serving.check_taken(self._currencies, method.method, traits, MAIN, place)
            return self._currencies
        place = (*place, "currencies")
        check_currencies(listed, place, self._report)
        known = known_currencies(listed)
        self._serving.check_taken(known, method.method, traits, MAIN, place)
        for number, currency in enumerate(listed):
            if self._currencies and currency in known and currency not in self._currencies:
                self._report.add(
                    (*place, number),
                    "is no currency of the country",
                    "add it to the country's currencies, or leave it out here",
                )
        return known
