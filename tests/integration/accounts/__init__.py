"""Tests of the financial account over real databases."""
