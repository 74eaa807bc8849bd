"""`make soak`: a real gateway under mixed load, watched for what it does not give back."""
