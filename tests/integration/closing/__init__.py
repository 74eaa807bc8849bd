"""Tests of payments, refunds, account and reconciliation together: it all closes."""
