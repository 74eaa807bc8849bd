"""The sweeper: drafts that no webhook settled are decided from the PSP's word and their age."""
