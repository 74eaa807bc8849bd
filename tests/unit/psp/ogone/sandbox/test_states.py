"""The state machine: what each standing allows, and what becomes of each operation."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox.acquiring import Doubt, Outcome, Wait, charged, doubted, maintained
from psp.ogone.sandbox.cards import Behaviour
from psp.ogone.sandbox.model import Card, Operation, Payment, standing
from psp.ogone.sandbox.statuses import STATUSES, is_refusal, is_settled
from psp.ogone.sandbox.transitions import COURSES, OPERATIONS, Family, Standing, refusal

# Ogone, "Status overview": final, pending, uncertain, refused.
_EXPECTED = {
    "F": {0, 1, 2, 5, 6, 64, 7, 74, 75, 8, 85, 9, 95, 96},
    "P": {4, 40, 41, 46, 50, 51, 55, 56, 59, 61, 71, 81, 91, 97, 98, 99},
    "U": {52, 62, 72, 82, 92},
    "R": {57, 63, 73, 83, 84, 93, 94},
}


def test_every_status_is_known() -> None:
    """Each code of the overview has its certainty; 88 is no status of a payment."""
    found = {
        kind: {status for status, (certainty, _) in STATUSES.items() if certainty == kind}
        for kind in _EXPECTED
    }

    assert found == _EXPECTED
    assert sum(len(codes) for codes in _EXPECTED.values()) == len(STATUSES)
    assert 88 not in STATUSES


@pytest.mark.parametrize("family", list(Family))
def test_every_course_keeps_to_the_overview(family: Family) -> None:
    """What an operation passes through is pending, then uncertain, done or refused."""
    course = COURSES[family]

    kinds = [STATUSES[status][0] for status in (course.done, course.pending, course.uncertain)]
    assert kinds == ["F", "P", "U"]
    assert is_settled(course.refused)


def test_refusals_are_told_from_other_ends() -> None:
    """A refused authorisation is final in the overview, and a refusal all the same."""
    assert {status for status in STATUSES if is_refusal(status)} == _EXPECTED["R"] | {2}


@pytest.mark.parametrize(
    "family, done, counts",
    [
        (Family.AUTHORISE, {5}, {5, 51, 52}),
        (Family.CAPTURE, {9, 95}, {9, 95, 91, 92}),
        (Family.CANCEL, {6}, {6, 61, 62}),
        (Family.REFUND, {8, 85}, {8, 85, 81, 82}),
    ],
)
def test_what_counts_of_a_course(family: Family, done: set[int], counts: set[int]) -> None:
    """What is done, and what may yet be: a refusal or a reversal frees its amount."""
    course = COURSES[family]

    assert {status for status in STATUSES if course.is_done(status)} == done
    assert {status for status in STATUSES if course.counts(status)} == counts


_AUTHORISED = Standing(authorised=100)
_PARTLY = Standing(authorised=100, capturing=40, captured=40)
_UNDER_WAY = Standing(authorised=100, capturing=100, closed=True)
_CAPTURED = Standing(authorised=100, capturing=100, captured=100, closed=True)
_SOLD = Standing(capturing=100, captured=100)
_CANCELLED = Standing(authorised=100, cancelling=100)
_REFUNDED = Standing(authorised=100, capturing=100, captured=100, closed=True, refunding=100)
_NOTHING = Standing()
_CLOSED = "50001127"


@pytest.mark.parametrize(
    "now, code_by_family",
    [
        (_NOTHING, {"authorise": _CLOSED, "capture": _CLOSED, "cancel": _CLOSED}),
        (_AUTHORISED, {"authorise": None, "capture": None, "cancel": None}),
        (_PARTLY, {"authorise": None, "capture": None, "cancel": None, "refund": None}),
        (_UNDER_WAY, {"authorise": _CLOSED, "capture": _CLOSED, "cancel": _CLOSED}),
        (
            _CAPTURED,
            {"authorise": _CLOSED, "capture": _CLOSED, "cancel": _CLOSED, "refund": None},
        ),
        (_SOLD, {"authorise": _CLOSED, "capture": _CLOSED, "cancel": _CLOSED, "refund": None}),
        (_CANCELLED, {"authorise": _CLOSED, "capture": _CLOSED, "cancel": _CLOSED}),
        (
            _REFUNDED,
            {"authorise": _CLOSED, "capture": _CLOSED, "cancel": _CLOSED, "refund": "50001129"},
        ),
    ],
)
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_operation_in_every_standing(
    operation: str, now: Standing, code_by_family: dict[str, str | None]
) -> None:
    """REN, DEL, DES, SAL and SAS need a status 5, RFD and RFS a status 9."""
    expected = code_by_family.get(OPERATIONS[operation].family, _CLOSED)

    assert refusal(operation, 10, now) == expected


@pytest.mark.parametrize(
    "operation, amount, now, code",
    [
        ("SAL", 100, _AUTHORISED, None),
        ("SAL", 101, _AUTHORISED, "50001126"),
        ("SAS", 61, _PARTLY, "50001126"),
        ("SAS", 60, _PARTLY, None),
        ("SAS", 0, _PARTLY, "50001126"),
        ("DEL", 61, _PARTLY, "50001126"),
        ("RFD", 40, _PARTLY, None),
        ("RFD", 41, _PARTLY, "50001129"),
        ("RFS", 100, _CAPTURED, None),
        ("RFD", 10, Standing(captured=100, refunds_closed=True), _CLOSED),
        ("SAS", 100, Standing(authorised=100, too_old=True), "50001074"),
        ("DES", 100, Standing(authorised=100, too_old=True), None),
        ("REN", 100, Standing(authorised=100, too_old=True), None),
    ],
)
def test_amounts_and_ages(operation: str, amount: int, now: Standing, code: str | None) -> None:
    """Nothing more than is left, and nothing too old is captured."""
    assert refusal(operation, amount, now) == code


def test_partial_captures_can_be_forbidden() -> None:
    """The whole is taken, less is not."""
    assert refusal("SAL", 99, _AUTHORISED, partial=False) == "50001093"
    assert refusal("SAS", 100, _AUTHORISED, partial=False) is None


def _payment(*steps: tuple[str, Family, int, int]) -> Payment:
    payment = Payment("1", "order", 100, "EUR", "RES", Card("", "1230", "", Behaviour()), 0)
    payment.history = [
        Operation(number, name, family, amount, status, 0, status)
        for number, (name, family, amount, status) in enumerate(steps)
    ]
    return payment


_RES = ("RES", Family.AUTHORISE, 100, 5)


@pytest.mark.parametrize(
    "payment, expected",
    [
        (_payment(("RES", Family.AUTHORISE, 100, 2)), Standing()),
        (_payment(("RES", Family.AUTHORISE, 100, 52)), Standing()),
        (_payment(_RES), _AUTHORISED),
        (_payment(_RES, ("SAL", Family.CAPTURE, 40, 9)), _PARTLY),
        (
            _payment(_RES, ("SAL", Family.CAPTURE, 40, 92)),
            Standing(authorised=100, capturing=40),
        ),
        (_payment(_RES, ("SAS", Family.CAPTURE, 100, 91)), _UNDER_WAY),
        (_payment(_RES, ("SAS", Family.CAPTURE, 100, 93)), _AUTHORISED),
        (_payment(_RES, ("DEL", Family.CANCEL, 100, 61)), _CANCELLED),
        (
            _payment(_RES, ("DES", Family.CANCEL, 100, 6)),
            Standing(authorised=100, cancelling=100, closed=True),
        ),
        (_payment(_RES, ("DES", Family.CANCEL, 100, 63)), _AUTHORISED),
        (
            _payment(("SAL", Family.CAPTURE, 100, 9), ("RFS", Family.REFUND, 30, 81)),
            Standing(capturing=100, captured=100, refunding=30, refunds_closed=True),
        ),
        (
            _payment(("SAL", Family.CAPTURE, 100, 9), ("RFS", Family.REFUND, 30, 83)),
            Standing(capturing=100, captured=100),
        ),
    ],
)
def test_a_history_adds_up(payment: Payment, expected: Standing) -> None:
    """What is refused frees its amount; what is under way does not."""
    assert standing(payment, 0, 1000) == expected


def test_an_authorisation_grows_old_until_it_is_renewed() -> None:
    """The latest authorisation counts."""
    payment = _payment(_RES)
    assert standing(payment, 1001, 1000).too_old
    payment.history.append(Operation(1, "REN", Family.AUTHORISE, 100, 5, 500, 5, changed=500))
    assert not standing(payment, 1001, 1000).too_old


@pytest.mark.parametrize(
    "behaviour, family, expired, expected",
    [
        (Behaviour(), Family.AUTHORISE, False, Outcome(5, 5)),
        (Behaviour(), Family.CAPTURE, False, Outcome(9, 9)),
        (Behaviour(), Family.CAPTURE, True, Outcome(2, 2, "30331001")),
        (Behaviour(decline="30511001"), Family.AUTHORISE, False, Outcome(2, 2, "30511001")),
        (Behaviour(waiting=True), Family.AUTHORISE, False, Outcome(51, 5, "0", Wait.PROCESSING)),
        (
            Behaviour(uncertain=True),
            Family.AUTHORISE,
            False,
            Outcome(52, 5, "20001001", Wait.WORKING_DAY),
        ),
        (
            Behaviour(uncertain=True, decline="x"),
            Family.CAPTURE,
            False,
            Outcome(92, 93, "20001001", Wait.WORKING_DAY),
        ),
    ],
)
def test_what_becomes_of_an_order(
    behaviour: Behaviour, family: Family, expired: bool, expected: Outcome
) -> None:
    """By the card, and by whether it is sold or only authorised."""
    assert charged(behaviour, family, expired=expired) == expected


@pytest.mark.parametrize(
    "behaviour, family, shown, ends",
    [
        (Behaviour(), Family.AUTHORISE, 5, 5),
        (Behaviour(), Family.CAPTURE, 91, 9),
        (Behaviour(), Family.CANCEL, 61, 6),
        (Behaviour(), Family.REFUND, 81, 8),
        (Behaviour(capture_refused=True), Family.CAPTURE, 91, 93),
        (Behaviour(refund_refused=True), Family.REFUND, 81, 83),
    ],
)
def test_what_becomes_of_maintenance(
    behaviour: Behaviour, family: Family, shown: int, ends: int
) -> None:
    """Processed offline: pending first."""
    outcome = maintained(behaviour, family)

    assert (outcome.status, outcome.ends) == (shown, ends)


@pytest.mark.parametrize(
    "family, shown, done, lost",
    [
        (Family.AUTHORISE, 52, 5, 2),
        (Family.CAPTURE, 92, 9, 93),
        (Family.CANCEL, 62, 6, 63),
        (Family.REFUND, 82, 8, 83),
    ],
)
def test_a_doubt_hides_the_truth(family: Family, shown: int, done: int, lost: int) -> None:
    """The same is shown whether it was done or lost."""
    acted, never = doubted(family, Doubt.ACTED), doubted(family, Doubt.LOST)

    assert acted == Outcome(shown, done, "20001001", Wait.WORKING_DAY)
    assert never == Outcome(shown, lost, "20001001", Wait.WORKING_DAY)
    assert doubted(family, Doubt.NONE) is None


@pytest.mark.parametrize(
    "family, shown, refused",
    [
        (Family.AUTHORISE, 51, 2),
        (Family.CAPTURE, 91, 93),
        (Family.CANCEL, 61, 63),
        (Family.REFUND, 81, 83),
    ],
)
def test_what_waits_can_end_refused(family: Family, shown: int, refused: int) -> None:
    """Nothing shows it before."""
    assert doubted(family, Doubt.REFUSED) == Outcome(shown, refused, "0", Wait.PROCESSING)
