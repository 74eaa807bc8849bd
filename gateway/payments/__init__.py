"""Use cases of payments: create, capture, cancel, follow, resolve."""
