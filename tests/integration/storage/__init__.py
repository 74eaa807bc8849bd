"""Repositories, units of work and migrations on real databases."""
