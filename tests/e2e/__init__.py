"""Tests of the whole gateway over the wire."""
