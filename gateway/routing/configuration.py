"""The configuration file, validated whole: PSP accounts, who sells what through which, callers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from gateway.domain.routing import RoutingTable
from gateway.identity.callers import CallerPolicy
from gateway.routing.accounts import read_accounts
from gateway.routing.callers import read_callers
from gateway.routing.countries import read_countries
from gateway.routing.file import read_document
from gateway.routing.problems import ConfigurationError, Report
from gateway.routing.schema import FileTable, Table
from psp.registry import PspAccountConfig

_DIGEST_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration file, as used."""

    accounts: Mapping[str, PspAccountConfig]
    """By name, retired ones too: they see their payments through."""
    table: RoutingTable
    callers: CallerPolicy = field(default_factory=CallerPolicy)
    """Asked where callers are known by certificate."""


def load_configuration(path: Path) -> Configuration:
    """Read a file, or raise `ConfigurationError` with everything that is wrong with it.

    Relative `file:` references to secrets start from the file's own folder.
    """
    document = read_document(path)
    report = Report(path.absolute().parent)
    report.parse(FileTable, document, ())
    accounts = read_accounts(_tables(document, "accounts"), report)
    # Without accounts each method would be reported for a mistake that is not its own.
    countries = read_countries(_tables(document, "countries"), accounts, report) if accounts else {}
    callers = read_callers(_tables(document, "callers"), report)
    if report.problems:
        raise ConfigurationError(path, report.problems)
    for_routing = {name: account.for_routing() for name, account in accounts.items()}
    table = RoutingTable(
        countries=countries,
        accounts={name: account for name, account in for_routing.items() if account is not None},
        digest=_digest(document),
    )
    configs = {name: account.config for name, account in accounts.items()}
    return Configuration(
        {name: config for name, config in configs.items() if config is not None},
        table,
        callers,
    )


def _tables(document: Mapping[str, Any], key: str) -> dict[str, Table]:
    """Return what is readable under a key; the rest is noted by the file's schema."""
    tables = document.get(key)
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _digest(document: Mapping[str, Any]) -> str:
    """Equal for files that say the same, whatever their comments, spacing and order of keys.

    Secrets are in it by reference only, so a rotated secret does not change it.
    """
    text = json.dumps(document, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
