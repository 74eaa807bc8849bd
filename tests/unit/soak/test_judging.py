"""A leak is told from a warm-up, a jump and noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from scripts.soak.judging import RULES, Rule, Sample, TooShortError, judge

_CALLS_A_ROUND = 1000


def _samples(values: Iterable[int], busy: int = 0) -> list[Sample]:
    """Return rounds of load and rest, with these values in the rests."""
    samples = []
    for rest, value in enumerate(values, start=1):
        for number, figure in ((0, value + busy), (rest, value + 1), (rest, value)):
            seen = Sample(rest * 60.0, rest * _CALLS_A_ROUND, number, {"tasks": figure})
            samples.append(seen)
    return samples


@pytest.mark.parametrize(
    "values,leaks",
    [
        ([50] * 9, False),
        ([10, 30, 48, 50, 51, 50, 49, 52, 50], False),
        ([50, 50, 50, 50, 50, 90, 50, 50, 50], False),
        ([50, 52, 54, 56, 58, 60, 62, 64, 66], True),
        ([50, 50, 50, 50, 50, 50, 70, 70, 70], True),
        ([90, 50, 50, 50, 50, 50, 50, 50, 90], False),
    ],
    ids=["level", "warming up", "one peak", "steady growth", "never given back", "the last moment"],
)
def test_what_is_counted_returns_to_where_it_was(values: list[int], leaks: bool) -> None:
    """Quiet moments are compared, the first after warming up with the last; load does not count."""
    (found,) = judge(_samples(values, busy=1000), {"tasks": Rule(slack=3)})

    assert found.leaks == leaks


@pytest.mark.parametrize(
    "values,growth,leaks",
    [
        ([1000 + 300 * n for n in range(9)], 300.0, True),
        ([1000 + 200 * n for n in range(9)], 200.0, False),
        ([1000, 5000, 8000, 8000, 8000, 8000, 8000, 8000, 8000], 0.0, False),
        ([1000, 1000, 1000, 1000, 9000, 9000, 9000, 9000, 9000], 0.0, False),
        ([9000 - 300 * n for n in range(9)], -300.0, False),
        ([1000, 1000, 1000, 1000, 1260, 1520, 1780, 2040, 2040], 130.0, False),
        ([0, 0, 0, 0, 2000, 3000, 3400, 3500, 3550], 75.0, False),
    ],
    ids=["leaks", "within its bound", "warming up", "one jump", "shrinks", "little", "ever slower"],
)
def test_what_grows_slowly_is_bounded_by_call(
    values: list[int], growth: float, leaks: bool
) -> None:
    """Most pairs of moments have to agree that it grows so, and it has to come to something."""
    (found,) = judge(_samples(values), {"tasks": Rule(slack=800, per_thousand_calls=256.0)})

    assert (round(found.growth), found.leaks) == (growth, leaks)


def test_garbage_that_waits_to_be_collected_is_no_growth() -> None:
    """What a quiet moment finds depends on when that was; the least of the round does not."""
    rests = [1000, 4000, 1000, 4000, 1000, 4000, 4000, 8000, 8000]
    samples = [
        each if each.rest else replace(each, figures={"tasks": 900}) for each in _samples(rests)
    ]

    (found,) = judge(samples, {"tasks": Rule(slack=800, per_thousand_calls=256.0)})

    assert (found.first, found.last, found.leaks) == (900, 900, False)


@pytest.mark.parametrize(
    "values,leaks",
    [
        ([10, 12, 14, 16, 18, 20, 22, 24, 25], False),
        ([10, 12, 14, 16, 20, 24, 28, 32, 36], True),
        ([30, 30, 30, 40, 40, 40, 40, 40, 40], False),
    ],
    ids=["fills up", "beyond its size", "always more than that"],
)
def test_a_pool_may_fill_up(values: list[int], leaks: bool) -> None:
    """Up to its size, however late; beyond it the usual holds."""
    (found,) = judge(_samples(values), {"tasks": Rule(slack=3, pooled=25)})

    assert found.leaks == leaks


def test_the_figures_of_a_finding_are_the_first_and_the_last() -> None:
    """After warming up, and of several moments each."""
    (found,) = judge(_samples([1, 2, 3, 10, 10, 10, 20, 20, 20]), {"tasks": Rule(slack=3)})

    assert (found.first, found.last, found.growth, found.bound) == (10, 20, 10.0, 3.0)


def test_too_few_quiet_moments_are_no_judgement() -> None:
    """A short run must not pass for a good one."""
    with pytest.raises(TooShortError, match="3 quiet moments"):
        judge(_samples([50] * 4))


def test_every_figure_has_a_rule() -> None:
    """A sample without one of them is a mistake, and not a figure that does not leak."""
    with pytest.raises(KeyError):
        judge(_samples([50] * 9), RULES)
