"""Routing as a use case: the configuration file, the table in force, explanations to read."""
