"""What happens around every RPC, one layer each, unary and streaming alike."""
