"""Use cases of customers: the PSP's record of a shopper."""
