"""The payment gateway's service: what callers reach over gRPC, and the work behind it."""
