"""Unit tests of the Ogone sandbox."""
