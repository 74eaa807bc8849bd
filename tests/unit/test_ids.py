"""Ids: opaque, of one form, and in the order of their making."""

from __future__ import annotations

import re

import time_machine

from gateway.ids import new_id


def test_an_id_has_its_prefix_and_26_characters() -> None:
    """Base 32 without letters that look like digits."""
    assert re.fullmatch(r"pay_[0-9a-hjkmnp-tv-z]{26}", new_id("pay"))


def test_ids_sort_as_they_were_made() -> None:
    """Many in one millisecond are still in order, and none is made twice."""
    made = [new_id("evt") for _ in range(5000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_clock_that_is_set_back_does_not_set_back_the_ids() -> None:
    """The order of a journal does not depend on the machine's clock."""
    with time_machine.travel("2026-01-02T00:00:00Z", tick=False):
        first = new_id("evt")
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        second = new_id("evt")

    assert first < second
