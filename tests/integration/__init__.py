"""Our code over real databases, sockets and files."""
