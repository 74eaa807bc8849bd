"""What a caller hears when routing refuses."""

from __future__ import annotations

import pytest

from gateway.domain.routing import RouteRefusal, RouteStep
from gateway.errors import Reason
from gateway.refusals import REASON_OF_REFUSAL, refusal_error


def test_every_refusal_has_a_reason() -> None:
    """The table is total."""
    assert set(REASON_OF_REFUSAL) == set(RouteRefusal)


def test_the_first_refusal_gives_the_reason_and_all_are_explained() -> None:
    """A caller sees everything that stands in the way, and what to look at first."""
    steps = [
        RouteStep("country_served", passed=True, explanation="FR is served"),
        RouteStep("a", False, "below 1.00 EUR", RouteRefusal.AMOUNT_BELOW_MINIMUM),
        RouteStep("b", False, "old is retired", RouteRefusal.ACCOUNT_RETIRED),
    ]

    error = refusal_error(steps)

    assert error.reason is Reason.AMOUNT_OUT_OF_RANGE
    assert error.message == "below 1.00 EUR; old is retired"


def test_where_nothing_refused_there_is_no_error() -> None:
    """Asking for one is a bug, and says so."""
    with pytest.raises(ValueError, match="no rule refused"):
        refusal_error([RouteStep("country_served", passed=True, explanation="FR is served")])
