"""Tests of the sweeper around a real gateway."""
