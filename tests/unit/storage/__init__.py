"""What of storage needs no database."""
