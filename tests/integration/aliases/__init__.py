"""Aliases over real databases."""
