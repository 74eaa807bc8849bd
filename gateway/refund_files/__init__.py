"""Refund files: movements of the back office, read line by line and each carried out once."""
