"""Discrepancies over time, windows, balances and sums: all of it pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from gateway.domain.discrepancy import (
    DiscrepancyState,
    DiscrepancyType,
    Finding,
    Resolution,
    Subject,
    SubjectKind,
    healed,
    resolved,
    seen,
)
from gateway.domain.reconciliation import Balance, CategoryTotal, added, balances_of
from gateway.reconciliation.windows import GRACE, expected_window
from psp.settlements import SettlementCategory, SettlementPeriod
from tests.support.payments import NOW

FINDING = Finding(
    DiscrepancyType.AMOUNT,
    Subject(SubjectKind.PAYMENT, "pi_1"),
    "EUR",
    1999,
    1998,
    "words",
    NOW,
)
LATER = NOW + timedelta(days=3, hours=1)
NEW = seen(None, FINDING, "stripe_eu", "rec_1", NOW)
RESOLVED = resolved(NEW, "ana", "a rounding", Resolution.EXPLAINED, NOW)
CHARGE, REFUND = SettlementCategory.CHARGE, SettlementCategory.REFUND


def test_a_new_one_is_open_and_ages() -> None:
    """In whole days since it was seen first."""
    assert (NEW.state, NEW.difference_minor) == (DiscrepancyState.OPEN, -1)
    assert (NEW.age_days(NOW), NEW.age_days(LATER)) == (0, 3)


def test_seen_again_it_is_the_same() -> None:
    """By another run; by the same run, going on after a crash, it does not even change."""
    again = seen(NEW, FINDING, "stripe_eu", "rec_2", LATER)

    assert (again.id, again.first_run_id, again.last_run_id) == (NEW.id, "rec_1", "rec_2")
    assert (again.first_seen_time, again.last_seen_time) == (NOW, LATER)
    assert seen(again, FINDING, "stripe_eu", "rec_2", LATER) is again


@pytest.mark.parametrize(
    "known, psp_minor, expected",
    [
        (NEW, 1998, DiscrepancyState.OPEN),
        (RESOLVED, 1998, DiscrepancyState.RESOLVED),
        (RESOLVED, 1997, DiscrepancyState.OPEN),
        (healed(NEW, "both sides agree by now", NOW), 1998, DiscrepancyState.OPEN),
    ],
)
def test_what_being_seen_again_does(
    known: object, psp_minor: int, expected: DiscrepancyState
) -> None:
    """What a person resolved stays so as long as it is what he saw."""
    finding = replace(FINDING, psp_minor=psp_minor)

    after = seen(known, finding, "stripe_eu", "rec_2", LATER)  # type: ignore[arg-type] # a row of the table

    assert (after.state, after.healed_reason) == (expected, "")


def test_a_note_alone_resolves_nothing() -> None:
    """It stays open with its owner; what was not said stays as it was."""
    owned = resolved(NEW, "ana", "", None, NOW)
    noted = resolved(owned, "", "asked the PSP", None, LATER)

    assert (noted.state, noted.owner, noted.note) == (
        DiscrepancyState.OPEN,
        "ana",
        "asked the PSP",
    )


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("after", [True, False])
def test_windows_of_days_in_a_row_meet(*, before: bool, after: bool) -> None:
    """What moves near midnight is expected once both of its days are read, in whichever order."""
    day = SettlementPeriod(date(2026, 5, 4), date(2026, 5, 4))
    since, until = datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 5, tzinfo=UTC)
    instant = timedelta(microseconds=1)

    window = expected_window(day, day_before_is_read=before, day_after_is_read=after)

    assert window.after == since + (-GRACE if before else GRACE) - instant
    assert window.until == until + (GRACE if after else -GRACE) - instant


def test_totals_add_up_by_currency_and_category() -> None:
    """In that order."""
    found = added(
        [
            CategoryTotal("USD", CHARGE, 1, 10, 1, 9),
            CategoryTotal("EUR", REFUND, 1, -5, 0, -5),
            CategoryTotal("EUR", CHARGE, 2, 30, 2, 28),
            CategoryTotal("EUR", CHARGE, 1, 10, 1, 9),
        ]
    )

    assert found == (
        CategoryTotal("EUR", CHARGE, 3, 40, 3, 37),
        CategoryTotal("EUR", REFUND, 1, -5, 0, -5),
        CategoryTotal("USD", CHARGE, 1, 10, 1, 9),
    )


def test_every_currency_is_closed() -> None:
    """Also one that has only a balance; what a PSP leaves out of its balances is nought."""
    totals = [CategoryTotal("EUR", CHARGE, 1, 100, 3, 97)]

    found = balances_of(totals, {"EUR": 3, "GBP": 7}, {"EUR": 100, "USD": 1})

    assert [(each.currency, each.difference_minor) for each in found] == [
        ("EUR", 0),
        ("GBP", -7),
        ("USD", 1),
    ]
    assert balances_of(totals, None, {"EUR": 97}) == (Balance("EUR", 97, None, 97),)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_no_moment_between_days_is_left_out(order: tuple[int, ...]) -> None:
    """Whichever day is read first: only the outer ends wait for days that nobody read."""
    first = date(2026, 5, 4)
    read: set[int] = set()
    windows = []
    for number in order:
        day = first + timedelta(days=number)
        windows.append(
            expected_window(
                SettlementPeriod(day, day),
                day_before_is_read=number - 1 in read,
                day_after_is_read=number + 1 in read,
            )
        )
        read.add(number)

    reached = datetime(2026, 5, 4, tzinfo=UTC) + GRACE - timedelta(microseconds=1)
    for window in sorted(windows, key=lambda each: each.after):
        assert window.after <= reached
        reached = max(reached, window.until)
    assert reached == datetime(2026, 5, 7, tzinfo=UTC) - GRACE - timedelta(microseconds=1)
