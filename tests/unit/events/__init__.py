"""Events without a database."""
