"""The legacy back office behind a port: draft orders, aliases, accounts."""
