"""Tests of the client library over the wire."""
