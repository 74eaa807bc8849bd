"""The table of statuses."""

from __future__ import annotations

import pytest

from psp.ogone.statuses import CAPTURES, CAPTURES_BEGUN, REFUNDS, STATUSES, meaning_of
from psp.port import PendingChange, PspStatus

# Ogone, "Transaction statuses": every code there is, by how it is classed there.
_ALL = (
    "0 1 2 4 40 41 46 5 50 51 52 55 56 57 59 6 61 62 63 64 7 71 72 73 74 75 8 81 82 83 84 85 "
    "9 91 92 93 94 95 96 97 98 99"
)
_UNCERTAIN = "52 62 72 82 92"


def test_the_table_is_total() -> None:
    """Every code has a meaning, and there is no other."""
    assert set(STATUSES) == set(_ALL.split())


def test_what_is_uncertain_decides_nothing() -> None:
    """Exactly the uncertain codes are, and none is taken for anything."""
    uncertain = {code for code, meaning in STATUSES.items() if meaning.uncertain}

    assert uncertain == set(_UNCERTAIN.split())
    assert {STATUSES[code].status for code in uncertain} == {PspStatus.UNKNOWN}


@pytest.mark.parametrize(
    "codes,status",
    [
        ("4 40 41 46", PspStatus.AWAITING_CUSTOMER),
        ("50 51 55 56 59 97 98 99 61 71 91", PspStatus.PROCESSING),
        ("5 63", PspStatus.AUTHORIZED),
        ("9 95 73 8 81 83 84 85 94 96", PspStatus.CAPTURED),
        ("1 6 64 7 74 75", PspStatus.CANCELED),
        ("2 93", PspStatus.FAILED),
        ("0 57", PspStatus.UNKNOWN),
    ],
)
def test_codes_mean_what_the_guide_says(codes: str, status: PspStatus) -> None:
    """Offline work is processing until it is done; a refused change leaves things as they were."""
    assert {meaning_of(code, "").status for code in codes.split()} == {status}


def test_accepted_changes_are_pending() -> None:
    """91 is a capture under way, 61 and 71 are cancels."""
    pending = {
        code: meaning.pending
        for code, meaning in STATUSES.items()
        if meaning.pending is not PendingChange.NONE
    }

    assert pending == {
        "91": PendingChange.CAPTURE,
        "61": PendingChange.CANCEL,
        "71": PendingChange.CANCEL,
    }


def test_invalid_is_final_only_with_its_error() -> None:
    """Status 0 may be an order in progress."""
    assert meaning_of("0", "50001111").status is PspStatus.FAILED
    assert meaning_of("0", "").status is PspStatus.UNKNOWN
    assert meaning_of("0", "20001001").status is PspStatus.UNKNOWN


@pytest.mark.parametrize("code", ["", "3", "10", "88", "911", "x", "05"])
def test_a_new_code_is_unknown(code: str) -> None:
    """It never crashes, and never counts as a failure."""
    assert meaning_of(code, "30001001").status is PspStatus.UNKNOWN


def test_money_that_moved_was_authorised() -> None:
    """What is captured is within what is authorised, whatever the code."""
    assert all(m.authorized for m in STATUSES.values() if m.captured)
    assert {STATUSES[code].status for code in CAPTURES | REFUNDS} == {PspStatus.CAPTURED}
    assert {STATUSES[code].pending for code in CAPTURES_BEGUN - CAPTURES} == {PendingChange.CAPTURE}
