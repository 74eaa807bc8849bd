"""A seeded simulation of the real gateway that tries to lose money or an order."""
