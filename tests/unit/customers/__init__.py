"""Customers: the pure parts."""
