"""Tests of what callers and PSPs were promised."""
