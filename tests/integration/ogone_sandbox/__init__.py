"""The Ogone sandbox over HTTP."""
