"""How the past is cut into windows."""

from __future__ import annotations

import pytest

from psp.stripe.event_list import REACHES_BACK_S, WINDOW_S, windows

_NOW_S = 1_800_000_000.5
_DAY_S = 86_400


def test_a_short_outage_is_one_open_window() -> None:
    """It begins at a whole second and has no end: Stripe's clock may be ahead of ours."""
    assert list(windows(_NOW_S - 60.2, _NOW_S)) == [{"gte": 1_799_999_940}]


def test_a_time_to_come_is_asked_for_as_it_is() -> None:
    """Whoever's clock is ahead, nothing is left out."""
    assert list(windows(_NOW_S + 60, _NOW_S)) == [{"gte": 1_800_000_060}]


@pytest.mark.parametrize("back_s", [0, WINDOW_S, WINDOW_S + 1, 3 * _DAY_S, 40 * _DAY_S, _NOW_S])
def test_windows_follow_each_other_without_a_gap(back_s: float) -> None:
    """Each begins where the one before ends, the last one is open, and there are not many."""
    cut = list(windows(_NOW_S - back_s, _NOW_S))

    assert cut[0]["gte"] == int(_NOW_S - back_s)
    assert [window["gte"] for window in cut[1:]] == [window["lt"] for window in cut[:-1]]
    assert set(cut[-1]) == {"gte"}
    assert len(cut) <= REACHES_BACK_S // WINDOW_S + 3


def test_no_window_within_reach_is_longer_than_promised() -> None:
    """Memory holds one window."""
    cut = list(windows(_NOW_S - 29 * _DAY_S, _NOW_S))

    assert {window["lt"] - window["gte"] for window in cut[:-1]} == {WINDOW_S}
    assert _NOW_S - cut[-1]["gte"] <= WINDOW_S
