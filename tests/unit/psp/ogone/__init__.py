"""Tests of the Ogone adapter's pure parts."""
