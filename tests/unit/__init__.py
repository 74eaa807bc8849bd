"""One unit each, without I/O."""
