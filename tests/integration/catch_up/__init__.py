"""Tests of catching up after an outage."""
