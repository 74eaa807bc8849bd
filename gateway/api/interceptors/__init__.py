"""What happens around every RPC, one interceptor each, unary and streaming alike."""
