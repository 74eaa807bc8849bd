"""Reconciliation over real databases."""
