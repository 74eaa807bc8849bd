"""Tests of gateway.orders without I/O."""
