"""`[accounts.*]` of the configuration file: which PSP, with what, and whether it is retired."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.domain.routing import Account
from gateway.routing.problems import Place, Report, suggestion
from gateway.routing.schema import AccountTable, Table
from psp.registry import PSP_KINDS, PspAccountConfig, PspKind

# An account's name stands in webhook addresses, in rows and in logs, and never changes.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_OURS: Final = frozenset(AccountTable.model_fields) - {"psp"}
"""Keys that no PSP's adapter is told of."""


@dataclass(frozen=True, slots=True)
class DeclaredAccount:
    """What the file says of an account, as far as it could be read."""

    name: str
    kind: PspKind | None
    config: PspAccountConfig | None
    retired: bool
    refund_rate_per_s: float | None = None

    def for_routing(self) -> Account | None:
        """What routing needs of it; None if it could not be read."""
        if self.kind is None or self.config is None:
            return None
        return Account(
            name=self.name,
            psp=self.kind.name,
            methods=self.kind.methods,
            public_key=self.config.public_key,
            retired=self.retired,
            refund_rate_per_s=self.refund_rate_per_s,
        )


def read_accounts(tables: Mapping[str, Table], report: Report) -> dict[str, DeclaredAccount]:
    """Read every account; one with problems is declared all the same, so that it can be named."""
    return {name: _read_account(name, table, report) for name, table in tables.items()}


def _read_account(name: str, table: Table, report: Report) -> DeclaredAccount:
    place: Place = ("accounts", name)
    if not _NAME.fullmatch(name):
        report.add(
            place,
            "is no name for an account",
            "use up to 40 lower-case letters, digits and _, beginning with a letter",
        )
    ours = report.parse(AccountTable, table, place)
    if ours is None:
        return DeclaredAccount(name, None, None, retired=False)
    kind = PSP_KINDS.get(ours.psp)
    if kind is None:
        report.add((*place, "psp"), "is no PSP that we speak to", suggestion(ours.psp, PSP_KINDS))
        return DeclaredAccount(name, None, None, ours.retired)
    theirs = {key: value for key, value in table.items() if key not in _OURS}
    config = report.parse(kind.config_class, theirs, place, others=_OURS)
    return DeclaredAccount(name, kind, config, ours.retired, ours.refund_rate_per_s)
