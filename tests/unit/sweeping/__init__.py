"""Tests of what the sweeper decides, and when."""
