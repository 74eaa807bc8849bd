"""Who may call, decided without a network."""
