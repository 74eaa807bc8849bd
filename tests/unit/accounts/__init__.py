"""Tests of the financial account's rules."""
