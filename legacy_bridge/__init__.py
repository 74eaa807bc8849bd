"""The legacy back office behind a port: draft orders and aliases."""
