"""The reference back office: SQL tables of its own database, reached directly."""

from legacy_bridge.sql.back_office import SqlBackOffice
from legacy_bridge.sql.rows import OrderAction, Wish

__all__ = ["OrderAction", "SqlBackOffice", "Wish"]
