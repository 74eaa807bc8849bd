"""Refund files."""
