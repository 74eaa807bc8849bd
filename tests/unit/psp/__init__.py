"""Tests of what every PSP adapter shares."""
