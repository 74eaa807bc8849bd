"""Which dead letters were replayed."""

from __future__ import annotations

import pytest

from gateway.events.kafka.replay_marks import ReplayMarks, read_marks


@pytest.mark.parametrize(
    "before,replayed,after",
    [
        pytest.param(ReplayMarks(), 0, ReplayMarks(1), id="in turn"),
        pytest.param(ReplayMarks(2), 5, ReplayMarks(2, frozenset({5})), id="out of turn"),
        pytest.param(
            ReplayMarks(2, frozenset({3, 4, 7})),
            2,
            ReplayMarks(5, frozenset({7})),
            id="closes a gap",
        ),
        pytest.param(ReplayMarks(4), 3, ReplayMarks(4), id="again"),
        pytest.param(
            ReplayMarks(1, frozenset({3})), 3, ReplayMarks(1, frozenset({3})), id="again, beyond"
        ),
    ],
)
def test_a_replay_is_marked(before: ReplayMarks, replayed: int, after: ReplayMarks) -> None:
    """The position moves over what is complete; the rest is remembered one by one."""
    assert before.with_replayed(replayed) == after


@pytest.mark.parametrize(
    "before,first,after",
    [
        pytest.param(ReplayMarks(), 4, ReplayMarks(4), id="nothing was replayed"),
        pytest.param(ReplayMarks(6), 4, ReplayMarks(6), id="all that left was replayed"),
        pytest.param(
            ReplayMarks(1, frozenset({2, 4, 6})), 4, ReplayMarks(5, frozenset({6})), id="some was"
        ),
    ],
)
def test_what_the_brokers_deleted_is_not_waited_for(
    before: ReplayMarks, first: int, after: ReplayMarks
) -> None:
    """The topic's retention moves the position too."""
    assert before.moved_to(first) == after


def test_marks_survive_as_an_offset() -> None:
    """What is written beside a group's offset reads back."""
    marks = ReplayMarks(3, frozenset({9, 5, 12}))

    assert read_marks(marks.position, marks.text()) == marks
    assert read_marks(-1001, "") == ReplayMarks()


def test_too_many_out_of_turn_are_refused() -> None:
    """The brokers take so much text and no more: nothing is forgotten silently."""
    with pytest.raises(ValueError, match="replay the ones before"):
        ReplayMarks(0, frozenset(range(1000, 2000))).text()
