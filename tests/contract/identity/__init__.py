"""Who may call, over real connections with real certificates."""
