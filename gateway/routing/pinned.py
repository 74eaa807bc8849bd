"""What a new configuration may not do to accounts that payments are pinned to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.routing.problems import Problem, place_text
from psp.registry import PspAccountConfig


def pinned_problems(
    known: Mapping[str, PspAccountConfig], wanted: Mapping[str, PspAccountConfig]
) -> Sequence[Problem]:
    """Find accounts that were at one PSP and would be at another.

    Keys and limits of an account may change; its payments are at the PSP that created them.
    """
    return [
        Problem(
            place_text(("accounts", name, "psp")),
            f'was "{known[name].psp}", where the account\'s payments are',
            f'write psp = "{known[name].psp}", and give the account at {config.psp} a new name',
        )
        for name, config in wanted.items()
        if name in known and known[name].psp != config.psp
    ]
