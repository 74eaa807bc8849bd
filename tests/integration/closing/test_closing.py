"""Whatever is sold, refunded, invoiced, shipped, reported and interrupted: everything closes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.domain.backlog import Waiting
from gateway.domain.reconciliation import RunState
from gateway.domain.refund import RefundState
from gateway.refunds.commands import RefundedPayment
from gateway.storage.database import Database, open_database
from legacy_bridge.port import MovementKind
from psp.errors import NotSentError, OutcomeUnknownError, RateLimitedError
from psp.port import RefundStatus
from tests.integration.closing.house import ACCOUNT, House, opened
from tests.support.accounts import unposted
from tests.support.closing import expected_to_be_paid_out, left_open, paid_out
from tests.support.databases import SqliteDatabases

_MORNING: Final = datetime(2026, 5, 4, 9, tzinfo=UTC)
_PERCENT: Final = st.sampled_from((1, 30, 50, 100))


@dataclass(frozen=True)
class Sell:
    """A sale of which a part is captured."""

    amount_minor: int
    captured_percent: int
    currency: str


@dataclass(frozen=True)
class Account:
    """An invoice or a parcel of an order."""

    which: int
    percent: int
    is_parcel: bool


@dataclass(frozen=True)
class GiveBack:
    """A refund, and how the PSP answers it."""

    which: int
    percent: int
    way: str
    """Called, by file, by hand at the PSP, or of a payment made before the gateway was."""
    status: RefundStatus


@dataclass(frozen=True)
class GoesOn:
    """What becomes of a refund at the PSP, and whether the gateway hears of it."""

    which: int
    succeeds: bool
    is_heard: bool


@dataclass(frozen=True)
class Trouble:
    """The next refund's answer is lost, or the process dies at a step."""

    kind: str
    crash_at: int


@dataclass(frozen=True)
class Pass:
    """Hours pass, the workers work, and days that are over are reconciled."""

    hours: int
    reconciles: bool


_SALES = st.builds(
    Sell, st.integers(100, 9_999), st.sampled_from((100, 100, 40)), st.sampled_from(("EUR", "USD"))
)
_WAYS = st.sampled_from(("call", "call", "file", "hand", "old"))
_REFUNDS = st.builds(
    GiveBack,
    st.integers(0, 9),
    _PERCENT,
    _WAYS,
    st.sampled_from((RefundStatus.SUCCEEDED, RefundStatus.PENDING, RefundStatus.FAILED)),
)
_CHANGES = st.builds(GoesOn, st.integers(0, 2), st.booleans(), st.booleans())
_ACTS = st.lists(
    st.one_of(
        _SALES,
        st.builds(Account, st.integers(0, 9), _PERCENT, st.booleans()),
        _REFUNDS,
        _REFUNDS,
        _CHANGES,
        _CHANGES,
        st.builds(
            Trouble,
            st.sampled_from(("lost", "lost_before", "not_sent", "limited", "dies")),
            st.integers(1, 12),
        ),
        st.builds(Pass, st.sampled_from((1, 7, 13, 26)), st.booleans()),
    ),
    min_size=6,
    max_size=24,
)
_LOST: Final = {
    "lost": (OutcomeUnknownError(ACCOUNT, "no answer"), True),
    "lost_before": (OutcomeUnknownError(ACCOUNT, "no answer"), False),
    "not_sent": (NotSentError(ACCOUNT, "no connection"), False),
    "limited": (RateLimitedError(ACCOUNT, "slow down"), False),
}
Act = Sell | Account | GiveBack | GoesOn | Trouble | Pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Makes a fresh database for every example."""
    return SqliteDatabases(tmp_path_factory.mktemp("closing"))


@settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=_SALES, acts=_ACTS)
def test_everything_closes(
    first: Sell, acts: list[Act], files: SqliteDatabases, tmp_path: Path
) -> None:
    """Books to the cent, the account to nought by order and refund, each movement once."""
    asyncio.run(_play([first, *acts], files.fresh(tmp_path, migrated=True), tmp_path))


async def test_a_settled_refund_closes_what_was_due(database: Database, tmp_path: Path) -> None:
    """The credit of the refund's acceptance and the debit of a real run, on one account."""
    async with opened(database, tmp_path, _MORNING) as house:
        await house.sell(1999, 1999, "EUR")
        await house.refund(RefundedPayment(payment_id=house.sold[0]), 500)
        await house.work()
        due = {each.key: each.signed_minor for each in await house.movements()}
        (given_back,) = await house.refunds()
        house.clock.advance(timedelta(days=1))

        for _ in range(2):  # a report that is read twice
            await house.reconcile(house.opened)
            await house.work()

        assert due == {f"refund-due:{given_back.id}": 500}
        assert {each.key: each.signed_minor for each in await house.movements()} == {
            **due,
            f"refund-settled:{ACCOUNT}:{given_back.psp_reference}": -500,
        }
        assert await house.office.balance("shopper-1") == {"EUR": 0}


async def test_a_settled_refund_that_fails_leaves_nothing(
    database: Database, tmp_path: Path
) -> None:
    """Due and settled, then lapsed when it is heard, and reversed by the run that reads it."""
    async with opened(database, tmp_path, _MORNING) as house:
        await house.sell(1999, 1999, "EUR")
        await house.refund(RefundedPayment(payment_id=house.sold[0]), 500)
        house.clock.advance(timedelta(days=1))
        await house.reconcile(house.opened)
        (given_back,) = await house.refunds()
        house.psp.fail_refund(given_back.psp_reference)
        house.clock.advance(timedelta(days=1))

        for day in house.days:
            await house.reconcile(day)
        await house.work()

        kinds = [each.kind for each in await house.movements()]
        assert sorted(kinds) == sorted(
            [
                MovementKind.REFUND_CREDIT,
                MovementKind.REFUND_DEBIT,
                MovementKind.REFUND_LAPSE,
                MovementKind.REFUND_REVERSAL,
            ]
        )
        assert await house.office.balance("shopper-1") == {"EUR": 0}
        assert await house.named() == []


async def test_a_refund_that_fails_and_goes_through_after_all_closes(
    database: Database, tmp_path: Path
) -> None:
    """As people at Ogone do with one that the acquirer had refused; twice over, failing between."""
    async with opened(database, tmp_path, _MORNING) as house:
        await house.sell(1999, 1999, "EUR")
        await house.refund(RefundedPayment(payment_id=house.sold[0]), 500)
        (given_back,) = await house.refunds()
        balances = []
        for change in (house.psp.fail_refund, house.psp.settle_refund) * 2:
            change(given_back.psp_reference)
            for _ in range(2):  # heard twice
                await house.application.reconciliations.ask(house.sold[0])
            await house.work()
            balances.append(await house.office.balance("shopper-1"))
        for _ in range(2):  # the books have it once in the end: the rows of its failures are gone
            house.psp.books.lines.pop()
        house.clock.advance(timedelta(days=1))
        await house.reconcile(house.opened)
        await house.work()

        assert balances == [{"EUR": 0}, {"EUR": 500}] * 2
        assert await house.named() == []
        assert await house.office.balance("shopper-1") == {"EUR": 0}


async def test_a_refund_made_before_the_gateway_moves_nothing(
    database: Database, tmp_path: Path
) -> None:
    """Whoever kept the account then has moved it; its line is in a report that nobody reads."""
    async with opened(database, tmp_path, _MORNING) as house:
        await house.sell(1999, 1999, "EUR")
        old = house.sold_long_ago(1000, refunded_minor=300)
        await house.refund(RefundedPayment("", ACCOUNT, old, "order-1"), 500)
        (given_back,) = [each for each in await house.refunds() if each.amount.amount_minor == 500]
        await house.application.reconciliations.ask(given_back.payment_id)
        house.clock.advance(timedelta(days=2))

        for day in house.days:
            await house.reconcile(day)
        await house.work()

        assert await house.named() == []
        moved = [(each.kind, each.reference) for each in await house.movements()]
        assert sorted(moved) == sorted(
            [
                (MovementKind.REFUND_CREDIT, given_back.id),
                (MovementKind.REFUND_DEBIT, given_back.id),
            ]
        )
        assert len(await house.refunds()) == 2
        assert (await house.payment(given_back.payment_id)).refunded_minor == 800


async def _play(acts: list[Act], url: str, folder: Path) -> None:
    database = open_database(url)
    try:
        async with opened(database, folder, _MORNING) as house:
            for act in acts:
                house.clock.advance(timedelta(minutes=7))
                await _act(house, act)
            await _end(house)
            await _expect_closed(house, database)
    finally:
        await database.close()


async def _act(house: House, act: Act) -> None:
    if isinstance(act, Sell):
        house.restart()  # a sale is another test's matter: it does not die here
        part = max(1, act.amount_minor * act.captured_percent // 100)
        await house.sell(act.amount_minor, part, act.currency)
    elif isinstance(act, Account):
        await _move_account(house, act)
    elif isinstance(act, GiveBack):
        await _give_back(house, act)
    elif isinstance(act, GoesOn):
        await _go_on(house, act)
    elif isinstance(act, Pass):
        await _pass(house, act)
    elif act.kind == "dies":
        house.restart(act.crash_at)
    else:
        error, acted = _LOST[act.kind]
        house.psp.fail("refund_payment", error, acted=acted)


async def _move_account(house: House, act: Account) -> None:
    number = act.which % len(house.sold) + 1
    payment = await house.payment(house.sold[number - 1])
    amount_minor = max(1, payment.captured_minor * act.percent // 100)
    await (house.ship if act.is_parcel else house.invoice)(number, amount_minor)


async def _give_back(house: House, act: GiveBack) -> None:
    house.psp.refund_status = act.status
    payment_id = house.sold[act.which % len(house.sold)]
    payment = await house.payment(payment_id)
    amount_minor = max(1, payment.captured_minor * act.percent // 100)
    if act.way == "old":
        refunded_minor = 300 if act.which % 4 else 0
        again = house.old and act.which % 2
        reference = house.old[0] if again else house.sold_long_ago(1000, refunded_minor)
        house.psp.refund_status = act.status
        named = RefundedPayment("", ACCOUNT, reference, "" if act.which % 3 else "order-1")
        await house.refund(named, act.percent)
    elif act.way == "file":
        await house.refund_by_file(f"M-{act.which}", payment_id, amount_minor)
    elif act.way == "hand":
        house.refund_by_hand(payment, amount_minor)
    else:
        whole = act.percent == 100
        await house.refund(RefundedPayment(payment_id=payment_id), None if whole else amount_minor)


async def _go_on(house: House, act: GoesOn) -> None:
    made = [
        each
        for reference, each in house.psp.refunds.items()
        if each.status is not RefundStatus.FAILED and reference not in house.given_long_ago
    ]
    if not made:
        return
    given_back = made[-1 - act.which % len(made)]
    change = house.psp.settle_refund if act.succeeds else house.psp.fail_refund
    change(given_back.psp_reference)
    if act.is_heard:
        paid = house.psp.payments[given_back.payment_reference].payment_id
        if paid:
            await house.call(house.application.reconciliations.ask(paid))


async def _pass(house: House, act: Pass) -> None:
    house.clock.advance(timedelta(hours=act.hours))
    await house.work()
    if act.reconciles:
        for day in house.days[-2:]:
            await house.reconcile(day)


async def _end(house: House) -> None:
    """Let everything come to its end: no trouble any more, all shipped, every day read twice."""
    house.psp._failures.clear()  # noqa: SLF001 - the trouble is over
    await house.recover()
    for number, _ in enumerate(house.sold, start=1):
        order_id = f"order-{number}"
        rest = house.invoiced.get(order_id, 0) - house.shipped.get(order_id, 0)
        if rest:
            await house.ship(number, rest)
    house.clock.advance(timedelta(days=2))
    for _ in range(2):
        for day in house.days:
            run = await house.reconcile(day)
            assert run is not None
            assert (run.state, [each.closes for each in run.balances]) == (
                RunState.DONE,
                [True] * len(run.balances),
            )
    await house.recover()


async def _expect_closed(house: House, database: Database) -> None:
    assert await house.named() == []
    assert await unposted(database) == Waiting(0, None)
    movements = await house.movements()
    assert len({each.key for each in movements}) == len(movements)

    assert left_open(movements) == {}
    assert set((await house.office.balance("shopper-1")).values()) <= {0}

    # What the account moved for refunds is what the PSP's books have of them, to the cent.
    ours = {each.psp_reference: each for each in await house.refunds() if each.psp_reference}
    moved = paid_out(movements)
    for reference, there in house.psp.refunds.items():
        is_known = reference in ours
        assert is_known or there.status is RefundStatus.FAILED or _is_old(house, reference)
        if is_known and ours[reference].order_id:
            is_away = there.status is not RefundStatus.FAILED
            gone = expected_to_be_paid_out(there.amount_minor, is_away=is_away)
            of_before = reference in house.given_long_ago
            assert moved[ours[reference].id] == (0 if of_before else gone)
            assert (ours[reference].state is RefundState.FAILED) == (not gone)
    for payment_id in house.sold:
        payment = await house.payment(payment_id)
        there_paid = house.psp.payments[payment.psp_reference]
        assert payment.captured_minor == there_paid.captured_minor
        assert payment.refunded_minor == there_paid.refunded_minor <= payment.captured_minor


def _is_old(house: House, reference: str) -> bool:
    return house.psp.refunds[reference].payment_reference in house.old
