"""Use cases of the financial account: what an order moves on it, written down and posted once."""
