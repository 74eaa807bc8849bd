"""Tests of the Stripe sandbox's pure parts."""
