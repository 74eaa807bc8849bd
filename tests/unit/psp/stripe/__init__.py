"""Tests of the Stripe adapter's tables and pure functions."""
