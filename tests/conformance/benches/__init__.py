"""One bench a PSP: its adapter, its sandbox and a shopper."""
