"""Use cases of refunds: give captured money back, exactly once, and know what became of it."""
