"""`[countries.*]` of the configuration file: what is sold where, and by which account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.domain.countries import COUNTRY_CODES
from gateway.domain.routing import CountryPolicy
from gateway.routing.accounts import DeclaredAccount
from gateway.routing.problems import Place, Report
from gateway.routing.schema import CountryTable, Table

_OFTEN_MISTAKEN: Final = {"UK": "GB", "EL": "GR"}
"""Codes in daily use that ISO 3166 writes otherwise."""


def read_countries(
    tables: Mapping[str, Table], accounts: Mapping[str, DeclaredAccount], report: Report
) -> dict[str, CountryPolicy]:
    """Read every country; those with problems are noted in the report and left out."""
    policies = (_read_country(code, table, accounts, report) for code, table in tables.items())
    return {policy.country_code: policy for policy in policies if policy is not None}


def _read_country(
    code: str, table: Table, accounts: Mapping[str, DeclaredAccount], report: Report
) -> CountryPolicy | None:
    place: Place = ("countries", code)
    if code not in COUNTRY_CODES:
        report.add(place, "is no ISO 3166-1 alpha-2 country code", _country_cure(code))
    country = report.parse(CountryTable, table, place)
    # A list that is readable is looked at even if other keys of its country are not.
    methods = country.methods if country else _readable_methods(table)
    currencies = country.currencies if country else ()
    _check_currencies(currencies, (*place, "currencies"), report)
    reader = _MethodReader(country, accounts, report)
    routes = [reader.read(each, (*place, "methods", number)) for number, each in enumerate(methods)]
    reader.check_duplicates((*place, "methods"))
    found = tuple(route for route in routes if route is not None)
    if country is None or len({route.method for route in found}) != len(routes):
        return None
    return CountryPolicy(code, country.currencies, country.capture_policy, found)
