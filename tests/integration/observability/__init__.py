"""What an on-call engineer is shown, played with a whole gateway."""
