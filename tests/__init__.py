"""Tests: what the project promises."""
