"""Messages that nobody would send, through the real server, and bytes that no PSP would."""
