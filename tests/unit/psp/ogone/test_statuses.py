"""The table of statuses."""

from __future__ import annotations

import pytest

from psp.ogone.failures import REFUND_FAILURES
from psp.ogone.statuses import CAPTURES, CAPTURES_BEGUN, GIVEN_BACK, STATUSES, meaning_of
from psp.port import PendingChange, PspStatus, RefundStatus

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
    # 82 is a doubt about the refund; the payment was captured before, and that is none.
    assert {STATUSES[code].status for code in uncertain - {"82"}} == {PspStatus.UNKNOWN}
    assert STATUSES["82"].refund is RefundStatus.UNKNOWN


@pytest.mark.parametrize(
    "codes,status",
    [
        ("4 40 41 46", PspStatus.AWAITING_CUSTOMER),
        ("50 51 55 56 59 97 98 99 61 71 91", PspStatus.PROCESSING),
        ("5 63", PspStatus.AUTHORIZED),
        ("9 95 73 8 81 82 83 84 85 94 96", PspStatus.CAPTURED),
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
    assert {STATUSES[code].status for code in CAPTURES} == {PspStatus.CAPTURED}
    assert {STATUSES[code].pending for code in CAPTURES_BEGUN - CAPTURES} == {PendingChange.CAPTURE}


_REFUNDS = {
    RefundStatus.PENDING: "71 81",
    RefundStatus.SUCCEEDED: "7 74 75 8 85",
    RefundStatus.FAILED: "73 83 84 94 96",
    RefundStatus.UNKNOWN: "72 82",
    # Nothing is to be done for a refund, ever.
    RefundStatus.REQUIRES_ACTION: "",
}


@pytest.mark.parametrize("status", RefundStatus)
def test_refunds_mean_what_the_guide_says(status: RefundStatus) -> None:
    """Every code is one refund status, or none of a refund: refunds and deletions alone are."""
    found = {code for code, meaning in STATUSES.items() if meaning.refund is status}

    assert found == set(_REFUNDS[status].split())
    refunds = {code for code, meaning in STATUSES.items() if meaning.refund is not None}
    assert refunds == {code for code in _ALL.split() if code[0] in "78"} | {"94", "96"}


def test_every_failed_refund_says_why() -> None:
    """And only a failed one gives nothing back."""
    failed = {code for code, each in STATUSES.items() if each.refund is RefundStatus.FAILED}

    assert set(REFUND_FAILURES) == failed
    assert set(RefundStatus) - {RefundStatus.FAILED, RefundStatus.REQUIRES_ACTION} == GIVEN_BACK
