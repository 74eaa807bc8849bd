"""Tests of gateway.payments without I/O."""
