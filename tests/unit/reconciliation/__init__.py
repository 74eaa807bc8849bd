"""The pure parts of reconciliation."""
