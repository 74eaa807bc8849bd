"""The soak's own rules."""
