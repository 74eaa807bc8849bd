"""Benchmarks: every figure is taken beside a bare one in the same run, and printed as a ratio."""
