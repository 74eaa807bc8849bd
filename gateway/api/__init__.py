"""The gRPC edge: servicers, contract to domain and back, errors, interceptors."""
