"""Messages and services of package paygate.v1."""
