"""The routing configuration as a process uses it: read anew while it runs."""
