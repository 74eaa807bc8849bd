"""The routing table in force: the one place to ask for it, each time anew."""

from __future__ import annotations

from gateway.domain.routing import RoutingTable


class RoutingSource:
    """Holds the table in force. Take `table` once for a decision, so that it sees one table."""

    def __init__(self, table: RoutingTable) -> None:
        self._table = table

    @property
    def table(self) -> RoutingTable:
        """The table in force now."""
        return self._table

    def replace(self, table: RoutingTable) -> None:
        """Put another table in force, whole: who holds the old one decides by it to the end."""
        self._table = table
