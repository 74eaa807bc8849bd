"""The legacy back office behind a port: draft orders and what becomes of them."""
