"""Who may call: verified names, what each may call, and the certificates that prove both."""
