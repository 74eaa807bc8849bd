"""Holding the PSPs' books against ours, day by day, to the cent."""
