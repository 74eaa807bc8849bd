"""How many calls a caller may make."""

from __future__ import annotations

import pytest

from gateway.api.allowance import Allowances, Bucket, Rate, take

_RATE = Rate(per_s=2.0, burst=3)


@pytest.mark.parametrize(
    "bucket,now_s,after,wait_s",
    [
        (Bucket(3, 10), 10, Bucket(2, 10), 0.0),
        (Bucket(1, 10), 10, Bucket(0, 10), 0.0),
        (Bucket(0, 10), 10, Bucket(0, 10), 0.5),
        (Bucket(0.5, 10), 10, Bucket(0.5, 10), 0.25),
        (Bucket(0, 10), 10.5, Bucket(0, 10.5), 0.0),
        (Bucket(0, 10), 1000, Bucket(2, 1000), 0.0),
        (Bucket(0, 10), 9, Bucket(0, 9), 0.5),
    ],
)
def test_what_is_left(bucket: Bucket, now_s: float, after: Bucket, wait_s: float) -> None:
    """It fills with time, never above the burst, and says when there is one again."""
    assert (after, wait_s) == take(bucket, _RATE, now_s)


def test_callers_do_not_take_from_each_other() -> None:
    """Each has an allowance of its own."""
    allowances = Allowances(_RATE)

    waits = [allowances.take("greedy", 0) for _ in range(4)]

    assert waits == [0, 0, 0, 0.5]
    assert allowances.take("modest", 0) == 0


def test_made_up_names_use_up_no_memory() -> None:
    """The one that was silent longest is forgotten; others keep what they have used."""
    allowances = Allowances(_RATE, most_callers=2)
    for _ in range(3):
        allowances.take("greedy", 0)
    allowances.take("other", 0)
    allowances.take("greedy", 0)

    allowances.take("new", 0)

    assert len(allowances._buckets) == 2  # noqa: SLF001 - memory is what is looked at
    assert allowances.take("greedy", 0) > 0
