"""Which offsets may be committed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.events.kafka.offsets import OffsetTracker


@pytest.mark.parametrize(
    "received,done,committable",
    [
        pytest.param([], [], None, id="nothing"),
        pytest.param([5, 6, 7], [], None, id="nothing is done"),
        pytest.param([5, 6, 7], [5], 6, id="the first"),
        pytest.param([5, 6, 7], [6, 7], None, id="all but the first"),
        pytest.param([5, 6, 7], [7, 5], 6, id="up to the first that is not done"),
        pytest.param([5, 6, 7], [7, 6, 5], 8, id="all, backwards"),
        pytest.param([5, 9, 12], [5, 9], 10, id="gaps are not waited for"),
        pytest.param([5, 9, 12], [12, 9, 5], 13, id="all, with gaps"),
    ],
)
def test_the_low_watermark(
    received: Sequence[int], done: Sequence[int], committable: int | None
) -> None:
    """Everything below what may be committed is done, in whatever order it was."""
    tracker = OffsetTracker()
    tickets = {offset: tracker.received(0, offset) for offset in received}

    for offset in done:
        tracker.done(tickets[offset])

    assert tracker.take_committable() == ({} if committable is None else {0: committable})
    assert tracker.pending == len([each for each in received if each >= (committable or 0)])


def test_partitions_do_not_wait_for_each_other() -> None:
    """A message that takes long holds up its own partition only."""
    tracker = OffsetTracker()
    tracker.received(0, 1)
    quick = tracker.received(1, 1)

    tracker.done(quick)

    assert tracker.take_committable() == {1: 2}


def test_what_was_taken_is_not_taken_again() -> None:
    """An offset is committed once; a handover asks for the position in any case."""
    tracker = OffsetTracker()
    tracker.done(tracker.received(0, 1))
    tracker.take_committable()

    assert tracker.take_committable() == {}
    assert tracker.positions([0, 1]) == {0: 2}


def test_what_ends_after_a_revocation_commits_nothing() -> None:
    """Its partition is somebody else's."""
    tracker = OffsetTracker()
    late = tracker.received(0, 1)

    tracker.forget([0])
    tracker.done(late)

    assert tracker.take_committable() == {}
    assert tracker.pending == 0


def test_what_ends_after_its_partition_came_back_counts_once() -> None:
    """The message that came again decides, and not the one from before."""
    tracker = OffsetTracker()
    before = tracker.received(0, 1)
    tracker.forget([0])
    again = tracker.received(0, 1)

    tracker.done(before)
    assert tracker.take_committable() == {}

    tracker.done(again)
    assert tracker.take_committable() == {0: 2}


def test_a_revocation_leaves_other_partitions_alone() -> None:
    """A cooperative handover takes some partitions of many."""
    tracker = OffsetTracker()
    kept = tracker.received(1, 7)
    tracker.received(0, 3)

    tracker.forget([0])
    tracker.done(kept)

    assert tracker.take_committable() == {1: 8}
