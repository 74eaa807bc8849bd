"""Payment service providers: what one is, and one folder for each we speak to."""
