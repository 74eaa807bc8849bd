"""What sandboxes of PSPs share: how they are served, and how what they tell is delivered.

`serving` runs one over HTTP, `delivery` sends its webhooks one after the other, `faults` keeps what
is to go wrong, `clock` is the time in its books. What a PSP says and means stays in its own folder.
"""
