"""Tests of the configuration file and of what callers read of the routing."""
