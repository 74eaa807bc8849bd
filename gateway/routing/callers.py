"""`[callers.*]` of the configuration file: which caller may call what."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.identity.callers import CallerPolicy
from gateway.identity.methods import METHOD_NAMES, METHODS, methods_of
from gateway.identity.names import is_caller_name
from gateway.routing.problems import Place, Report, suggestion
from gateway.routing.schema import CallerTable, Table


def read_callers(tables: Mapping[str, Table], report: Report) -> CallerPolicy:
    """Read every caller; those with problems are noted in the report and may be left out."""
    return CallerPolicy({name: _read_caller(name, table, report) for name, table in tables.items()})


def _read_caller(name: str, table: Table, report: Report) -> frozenset[str]:
    place: Place = ("callers", name)
    if not is_caller_name(name):
        report.add(
            place,
            "is no name of a caller",
            "write what its certificate says, such as spiffe://shop.example/checkout",
        )
    caller = report.parse(CallerTable, table, place)
    allowed: set[str] = set()
    for number, pattern in enumerate(caller.methods if caller else ()):
        named = methods_of(pattern)
        if not named:
            report.add((*place, "methods", number), "names no method", _cure(pattern))
        allowed |= named
    return frozenset(allowed)


def _cure(pattern: str) -> str:
    if pattern.endswith("*"):
        return "write a star after the beginning of a service's or method's full name"
    return suggestion(pattern, METHOD_NAMES if "/" in pattern else METHODS)
