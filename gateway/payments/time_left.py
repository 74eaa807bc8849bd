"""Whether a caller waits long enough for work to begin at all."""

from __future__ import annotations

from gateway.errors import PaygateError, Reason


def require_time(remaining_s: float | None, least_s: float) -> None:
    """Raise `PaygateError` if less time than `least_s` is left; None means no deadline."""
    if remaining_s is not None and remaining_s < least_s:
        raise PaygateError(
            Reason.DEADLINE_TOO_SHORT,
            f"{max(remaining_s, 0):.3f} s are left and {least_s:g} s are needed to begin: "
            "nothing was done; send the same request with a later deadline",
        )
