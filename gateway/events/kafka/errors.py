"""What can go wrong for somebody who asks the brokers by a command."""

from __future__ import annotations


class DeadLetterBoxError(Exception):
    """The brokers did not do what a command needs; says what, and what to do."""
