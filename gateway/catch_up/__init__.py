"""Catching up after an outage: what webhooks did not bring is asked for."""
