"""Refund files, from the folder to the PSP and back."""
