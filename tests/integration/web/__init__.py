"""Tests of the HTTP edge over HTTP."""
