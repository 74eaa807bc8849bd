"""Where movements stand, and when a file is done: tables, total over their states."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from gateway.domain.refund import RefundState
from gateway.domain.refund_batch import BatchProgress, BatchSource, BatchState, RefundBatch
from gateway.domain.refund_movement import MovementState, Standing, standing
from tests.support.payments import NOW

_BATCH = RefundBatch("rbt_1", "a.csv", BatchSource.CALL, BatchState.READING, NOW, NOW)
_SILENCE = timedelta(minutes=3)


@pytest.mark.parametrize("state,refund", list(product(MovementState, [None, *RefundState])))
def test_a_movement_stands_somewhere(state: MovementState, refund: RefundState | None) -> None:
    """Once it is sent, its refund says where; before that, and once refused, it says so itself."""
    where = standing(state, refund)

    if state is MovementState.SENT and refund not in {None, RefundState.OUTCOME_UNKNOWN}:
        assert where.value == refund
    else:
        assert where.value == state


@pytest.mark.parametrize("where", Standing)
def test_a_batch_is_done_once_every_movement_is_answered(where: Standing) -> None:
    """Pending at the PSP is an answer; waiting, or sent and unanswered, is none."""
    read = replace(_BATCH, state=BatchState.READ)

    assert BatchProgress(read, {where: 1}).is_done == (
        where not in {Standing.WAITING, Standing.SENT}
    )


@pytest.mark.parametrize("state", BatchState)
def test_a_batch_that_is_being_read_is_not_done(state: BatchState) -> None:
    """Whatever the lines of it that came."""
    batch = replace(_BATCH, state=state)

    assert BatchProgress(batch).is_done == (state is not BatchState.READING)


def test_a_batch_whose_reader_is_silent_is_broken_off() -> None:
    """It died, and the file comes again by another call; a file of the folder is read on."""
    later = NOW + _SILENCE

    assert _BATCH.as_of(later - timedelta(seconds=1), _SILENCE) == _BATCH
    assert _BATCH.as_of(later, _SILENCE).state is BatchState.BROKEN_OFF
    folders = replace(_BATCH, source=BatchSource.FOLDER)
    assert folders.as_of(later, _SILENCE) == folders
    read = replace(_BATCH, state=BatchState.READ)
    assert read.as_of(later, _SILENCE) == read
