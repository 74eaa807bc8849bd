"""EnsureCustomer over real databases and a PSP in memory."""
