"""Tests of the whole gateway in one process: real storage, real HTTP, a Stripe sandbox."""
