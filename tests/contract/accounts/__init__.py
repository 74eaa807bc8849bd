"""Tests of what callers of the financial account were promised."""
