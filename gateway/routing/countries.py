"""`[countries.*]` of the configuration file: what is sold where, and by which account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.domain.countries import COUNTRY_CODES
from gateway.domain.routing import CountryPolicy, MethodRoute
from gateway.routing.accounts import DeclaredAccount
from gateway.routing.currencies import check_currencies
from gateway.routing.methods import MethodReader
from gateway.routing.problems import Place, Report
from gateway.routing.schema import CountryTable, Table

_OFTEN_MISTAKEN: Final = {"UK": "GB", "EL": "GR"}
"""Codes in daily use that ISO 3166 writes otherwise."""


def read_countries(
    tables: Mapping[str, Table], accounts: Mapping[str, DeclaredAccount], report: Report
) -> dict[str, CountryPolicy]:
    """Read every country; those with problems are noted in the report and may be left out."""
    policies = (_read_country(code, table, accounts, report) for code, table in tables.items())
    return {policy.country_code: policy for policy in policies if policy is not None}


def _read_country(
    code: str, table: Table, accounts: Mapping[str, DeclaredAccount], report: Report
) -> CountryPolicy | None:
    place: Place = ("countries", code)
    known_problems = len(report.problems)
    if code not in COUNTRY_CODES:
        report.add(place, "is no ISO 3166-1 alpha-2 country code", _country_cure(code))
    country = report.parse(CountryTable, table, place)
    # What is readable is looked at even if other keys of its country are not.
    currencies = country.currencies if country else _readable_currencies(table)
    check_currencies(currencies, (*place, "currencies"), report)
    policy = country.capture_policy if country else None
    reader = MethodReader(currencies, policy, accounts, report)
    routes = [
        reader.read(method, (*place, "methods", number))
        for number, method in enumerate(_listed(table, "methods"))
        if isinstance(method, dict)
    ]
    methods = tuple(route for route in routes if route is not None)
    if country is None or len(report.problems) > known_problems or len(methods) < len(routes):
        return None
    _check_every_currency_is_taken(country.currencies, methods, (*place, "currencies"), report)
    return CountryPolicy(code, country.currencies, country.capture_policy, methods)


def _check_every_currency_is_taken(
    currencies: Sequence[str], methods: Sequence[MethodRoute], place: Place, report: Report
) -> None:
    for number, currency in enumerate(currencies):
        if not any(currency in route.limits for route in methods):
            report.add(
                (*place, number),
                f"no method of the country takes {currency}",
                "add it to a method's currencies, or leave it out here",
            )


def _country_cure(code: str) -> str:
    upper = code.upper()
    meant = _OFTEN_MISTAKEN.get(upper, upper)
    return f"write {meant}" if meant in COUNTRY_CODES else "write two capitals, such as FR"


def _readable_currencies(table: Table) -> tuple[str, ...]:
    currencies = _listed(table, "currencies")
    return tuple(currencies) if all(isinstance(each, str) for each in currencies) else ()


def _listed(table: Table, key: str) -> list[Any]:
    entries = table.get(key)
    return entries if isinstance(entries, list) else []
