"""Every PSP plays every scenario that its capabilities allow, or there is a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

import pytest

from psp.conformance import SCENARIOS, Bench, Scenario, skips
from psp.port import Capability
from psp.registry import PSP_KINDS
from tests.conformance.benches.ogone import ogone_bench
from tests.conformance.benches.stripe import stripe_bench
from tests.conformance.benches.third import third_bench
from tests.support.third_psp.traits import CAPABILITIES as THIRD_CAPABILITIES

_BENCHES: Final[Mapping[str, Callable[[], AbstractAsyncContextManager[Bench]]]] = {
    "stripe": stripe_bench,
    "ogone": ogone_bench,
    "third": third_bench,
}
_CAPABILITIES: Final[Mapping[str, frozenset[Capability]]] = {
    **{name: kind.capabilities for name, kind in PSP_KINDS.items()},
    "third": THIRD_CAPABILITIES,
}
_PLAYED: Final = [
    (name, scenario)
    for name, capabilities in _CAPABILITIES.items()
    for scenario in SCENARIOS
    if not scenario.missing(capabilities)
]
_NO_KEYS: Final = {
    "silent_create_repeated": "has no idempotent_mutations",
    "same_key_same_charge": "has no idempotent_mutations",
    "same_key_same_decline": "has no idempotent_mutations",
    "same_key_other_charge": "has no idempotent_mutations",
}
_NOT_KEPT: Final = {
    "review_opens": "has no reviews",
    "review_read_after_its_end": "has no reviews",
    "review_rejected": "has no reviews",
    "listed_events": "has no list_events",
    "customer_kept": "has no customers",
    "alias_kept": "has no aliases, customers",
    "alias_set_up": "has no aliases, customers",
    "alias_default_and_deleted": "has no aliases, customers",
}
_NO_BOOKS: Final = {
    "report_holds_the_day": "has no settlements",
    "report_read_again": "has no settlements",
    "report_adds_up": "has no settlements",
    "report_of_a_returned_refund": "has no settlements",
    "report_not_yet": "has no settlements",
    "report_cut_off": "has no settlements",
    "report_unknown": "has no settlements",
    "report_with_wrong_credentials": "has no settlements",
}


def test_every_psp_has_a_bench() -> None:
    """A PSP cannot be added without playing."""
    assert set(_CAPABILITIES) == set(_BENCHES)


def test_scenarios_are_told_apart() -> None:
    """Each has a name of its own and states its promise in one sentence."""
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert scenario.title.endswith("."), scenario.name
        assert "\n" not in scenario.title, scenario.name


@pytest.mark.parametrize(
    "psp,expected",
    [
        ("stripe", {}),
        ("ogone", {**_NO_KEYS, **_NOT_KEPT}),
        (
            "third",
            {**_NO_KEYS, **_NOT_KEPT, **_NO_BOOKS, "part_captured": "has no partial_capture"},
        ),
    ],
)
def test_what_is_not_played_has_its_reason(psp: str, expected: dict[str, str]) -> None:
    """These scenarios, for these reasons, and no others."""
    skipped = skips(SCENARIOS, _CAPABILITIES[psp])

    assert expected == {skip.scenario.name: skip.reason for skip in skipped}
    played = [scenario for name, scenario in _PLAYED if name == psp]
    assert len(SCENARIOS) == len(played) + len(skipped)


@pytest.mark.parametrize(
    "psp,scenario", _PLAYED, ids=[f"{name}-{scenario.name}" for name, scenario in _PLAYED]
)
async def test_a_psp_keeps_its_promises(psp: str, scenario: Scenario) -> None:
    """On a bench of its own, with an adapter that is what its data declare."""
    async with _BENCHES[psp]() as bench:
        assert bench.provider.capabilities == _CAPABILITIES[psp]
        await scenario.play(bench)
