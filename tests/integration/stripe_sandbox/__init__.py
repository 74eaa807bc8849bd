"""Tests of the Stripe sandbox over HTTP, with the official SDK."""
