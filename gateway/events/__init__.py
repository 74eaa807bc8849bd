"""Events: the inbox, the journal and its delivery."""
