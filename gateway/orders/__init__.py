"""Use cases of orders: release, hold or cancel in the back office."""
