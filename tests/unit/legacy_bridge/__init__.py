"""The legacy bridge without a database."""
