"""What can be wrong with an event that arrives, besides the event itself."""

from __future__ import annotations


class UnknownAccountError(LookupError):
    """A webhook for an account that the configuration does not name."""

    def __init__(self, account: str) -> None:
        super().__init__(f"no PSP account is named {account!r}: configure it")
        self.account = account
