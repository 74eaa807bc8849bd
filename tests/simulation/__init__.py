"""Tests of the whole gateway under seeded faults."""
