"""Use cases of proposals: what a shopper may pay with."""
