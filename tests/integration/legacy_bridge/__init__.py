"""The legacy bridge over real databases."""
