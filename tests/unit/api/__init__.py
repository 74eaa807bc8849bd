"""Parsing, writing and failing at the gRPC edge, without a server."""
