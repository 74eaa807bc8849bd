"""ImportAliases over each database: once, whole batches, flat memory."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.aliases import importing
from gateway.aliases.import_lines import HEADER
from gateway.aliases.import_values import (
    MOST_REFUSALS,
    ImportOptions,
    ImportRefusalReason,
    ImportSummary,
)
from gateway.aliases.importing import BATCH_LINES
from gateway.aliases.values import AliasQuery
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.storage.aliases import customers_by_id, links_of_names
from gateway.storage.database import Database
from gateway.storage.requests import get_request
from legacy_bridge.errors import BackOfficeUnavailableError
from tests.support.rig import CrashError
from tests.support.shop import CARDS, LEASE, PLAIN, SHOPPER, Shop

R = ImportRefusalReason
_HEAD: Final = ",".join(HEADER) + "\n"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop that knows nobody yet."""
    return Shop(database)


def _row(n: int, **changes: str) -> str:
    columns = {
        "old_customer_id": f"s-{n}",
        "customer_id": f"cus_{n}",
        "old_card_id": f"A-{n}",
        "card_id": f"pm_{n}",
        "card_fingerprint": "fp",
        "card_last4": "1111",
        "card_exp_month": "12",
        "card_exp_year": "2030",
        "card_brand": "visa",
    }
    return ",".join({**columns, **changes}.values()) + "\n"


def _keep(shop: Shop, *numbers: int) -> None:
    for n in numbers:
        shop.office.add(f"A-{n}", customer_id=f"s-{n}")


def _options(request_id: str = "r-1", account: str = CARDS, legacy: str = "") -> ImportOptions:
    return ImportOptions(RequestKey("tests", "ImportAliases", request_id), account, legacy)


async def _pieces(text: str, size: int = 1000) -> AsyncIterator[bytes]:
    data = text.encode()
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def _import(
    shop: Shop, rows: Sequence[str], options: ImportOptions | None = None
) -> ImportSummary:
    text = _HEAD + "".join(rows)
    return await shop.open_aliases().import_file(options or _options(), _pieces(text))


def _counts(summary: ImportSummary) -> tuple[int, int, int]:
    assert summary.lines == summary.moved + summary.skipped + summary.refused
    return summary.moved, summary.skipped, summary.refused


async def test_cards_are_moved_and_shoppers_linked(shop: Shop) -> None:
    """One who was unknown at the PSP is known from then on, by the PSP's id of the file."""
    _keep(shop, 1, 2)

    summary = await _import(shop, [_row(1), _row(2)])

    assert _counts(summary) == (2, 0, 0)
    ids = await customers_by_id(shop.database, CARDS, ["s-1", "s-2"])
    assert ids == {"s-1": "cus_1", "s-2": "cus_2"}


async def test_a_shopper_then_sees_one_alias(shop: Shop) -> None:
    """The card as the PSP keeps it, and the default that it was."""
    await shop.ensure()
    shop.cards.add_alias("cus_cards_1", "pm_1")
    shop.office.add("A-1", is_default=True)
    aliases = shop.open_aliases()
    before = await aliases.list(AliasQuery(SHOPPER.customer_id))
    row = _row(1, old_customer_id=SHOPPER.customer_id, customer_id="cus_cards_1")

    await _import(shop, [row])

    after = await aliases.list(AliasQuery(SHOPPER.customer_id))
    assert len(before.aliases) == 2
    assert [(each.alias.psp_alias, each.alias.is_default) for each in after.aliases] == [
        ("pm_1", True)
    ]


async def test_an_imported_shopper_is_then_updated_not_created(shop: Shop) -> None:
    """EnsureCustomer finds her by the file's word and writes her record there."""
    shop.cards.customers["cus_1"] = SHOPPER
    shop.office.add("A-1")
    await _import(shop, [_row(1, old_customer_id=SHOPPER.customer_id)])

    links = await shop.ensure(email="new@example.org")

    assert links[0].psp_customer == "cus_1"
    assert shop.cards.customers["cus_1"].email == "new@example.org"
    assert len(shop.cards.customers) == 1


async def test_the_same_file_again_changes_nothing(shop: Shop) -> None:
    """Under a new request_id every line is skipped; under the same one it is not even looked at."""
    _keep(shop, 1, 2)
    rows = [_row(1), _row(2), _row(3)]
    first = await _import(shop, rows)
    asked = len(shop.office.calls)

    assert await _import(shop, rows) == first
    assert len(shop.office.calls) == asked
    again = await _import(shop, rows, _options("r-2"))

    assert _counts(first) == (2, 0, 1)
    assert _counts(again) == (0, 2, 1)


async def test_another_file_under_a_used_request_id_is_refused(shop: Shop) -> None:
    """And so are other options; nothing of it is done."""
    _keep(shop, 1, 2)
    await _import(shop, [_row(1)])

    for rows, options in (([_row(2)], _options()), ([_row(1)], _options(legacy=PLAIN))):
        with pytest.raises(PaygateError) as reused:
            await _import(shop, rows, options)
        assert reused.value.reason is Reason.REQUEST_ID_REUSED
    assert await links_of_names(shop.database, ["A-2"]) == []


async def test_bad_lines_are_told_and_good_ones_go_on(shop: Shop) -> None:
    """By number and reason, in the order of the file."""
    _keep(shop, 1, 2, 3, 4, 5)
    shop.office.add("A-2", customer_id="s-2", psp_account="old")
    rows = [
        _row(1),
        _row(9),
        _row(2),
        _row(3, old_customer_id="s-1"),
        _row(4, card_last4="2222"),
        "nonsense\n",
        _row(1),
        _row(1, card_exp_year="2031"),
        _row(5, customer_id="cus_1"),
        "\n",
        _row(5),
    ]

    summary = await _import(shop, rows)

    assert _counts(summary) == (2, 1, 7)
    assert [(each.number, each.reason) for each in summary.refusals] == [
        (3, R.UNKNOWN_ALIAS),
        (4, R.AMBIGUOUS_ALIAS),
        (5, R.OTHER_CUSTOMER),
        (6, R.OTHER_CARD),
        (7, R.MALFORMED),
        (9, R.OTHER_CONTENT),
        (10, R.TAKEN),
    ]
    assert Counter(each.reason for each in summary.refusals) == summary.refusal_counts


async def test_a_line_in_another_encoding_spoils_no_other(shop: Shop) -> None:
    """It is told by its number."""
    _keep(shop, 1, 2)

    async def pieces() -> AsyncIterator[bytes]:
        yield (_HEAD + _row(1)).encode()
        yield _row(2).replace("visa", "caf\u00e9").encode("latin-1")
        yield _row(2).encode()

    summary = await shop.open_aliases().import_file(_options(), pieces())

    assert _counts(summary) == (2, 0, 1)
    assert [(each.number, each.reason) for each in summary.refusals] == [(3, R.WRONG_ENCODING)]


@pytest.mark.parametrize(
    "options,fields",
    [
        (_options(account="nowhere"), ["options.psp_account"]),
        (_options(account=PLAIN), ["options.psp_account"]),
        (_options(legacy=CARDS), ["options.legacy_account"]),
        (
            _options(account="nowhere", legacy="nowhere"),
            ["options.psp_account", "options.legacy_account"],
        ),
    ],
)
async def test_accounts_that_do_not_fit_are_refused(
    shop: Shop, options: ImportOptions, fields: list[str]
) -> None:
    """Before a line is read."""
    with pytest.raises(PaygateError) as refused:
        await _import(shop, [_row(1)], options)

    assert [each.field for each in refused.value.fields] == fields
    assert shop.office.calls == []


async def test_a_file_with_another_header_is_refused(shop: Shop) -> None:
    """The request is forgotten, so that the right file can be sent under its id."""
    _keep(shop, 1)
    aliases = shop.open_aliases()
    with pytest.raises(PaygateError) as refused:
        await aliases.import_file(_options(), _pieces("id,name\n"))
    assert refused.value.reason is Reason.INVALID_FIELDS
    assert "old_customer_id,customer_id" in refused.value.message

    assert _counts(await _import(shop, [_row(1)])) == (1, 0, 0)


async def test_many_lines_are_many_commits(shop: Shop) -> None:
    """A batch of the file is a commit and one question to the back office."""
    numbers = range(2 * BATCH_LINES + 10)
    _keep(shop, *numbers)

    summary = await _import(shop, [_row(n) for n in numbers])

    assert _counts(summary) == (len(numbers), 0, 0)
    assert len(shop.office.calls_of("find_aliases")) == 3
    assert shop.steps.taken.count("after commit") == 5  # the request's begin and end, too


async def test_a_back_office_that_goes_away_leaves_whole_batches(shop: Shop) -> None:
    """The import fails, and the same file under the same id goes on from there."""
    numbers = range(BATCH_LINES + 10)
    _keep(shop, *numbers)
    rows = [_row(n) for n in numbers]
    shop.office.fail("find_aliases", BackOfficeUnavailableError("find aliases", "down"))
    with pytest.raises(BackOfficeUnavailableError):
        await _import(shop, rows)
    assert await get_request(shop.database, _options().key) is None

    assert _counts(await _import(shop, rows)) == (len(numbers), 0, 0)


async def test_a_caller_who_leaves_is_forgotten(shop: Shop) -> None:
    """What is done is found done by the next one."""
    numbers = range(BATCH_LINES)
    _keep(shop, *numbers)
    stuck = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield (_HEAD + "".join(_row(n) for n in numbers)).encode()
        stuck.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(shop.open_aliases().import_file(_options(), endless()))
    await stuck.wait()
    with pytest.raises(PaygateError) as busy:
        await _import(shop, [_row(1)])
    assert busy.value.reason is Reason.REQUEST_IN_PROGRESS
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert _counts(await _import(shop, [_row(n) for n in numbers])) == (0, BATCH_LINES, 0)


@pytest.mark.parametrize("crash_at", range(1, 7))
async def test_a_crash_at_any_step_loses_nothing(shop: Shop, crash_at: int) -> None:
    """The file sent again ends with every line done once."""
    _keep(shop, 1, 2)
    rows = [_row(1), _row(2)]
    shop.restart(crash_at)
    try:
        await _import(shop, rows)
    except CrashError:
        shop.restart()
        shop.clock.advance(LEASE + timedelta(seconds=1))

    moved, skipped, refused = _counts(await _import(shop, rows))

    assert (moved + skipped, refused) == (2, 0)
    assert len(await links_of_names(shop.database, ["A-1", "A-2"])) == 2


async def test_two_imports_of_one_file_move_each_line_once(shop: Shop) -> None:
    """Whoever is slower finds it done."""
    numbers = range(50)
    _keep(shop, *numbers)
    rows = [_row(n) for n in numbers]

    summaries = await asyncio.gather(*(_import(shop, rows, _options(f"r-{n}")) for n in range(4)))

    assert sum(each.moved for each in summaries) == 50
    assert {each.moved + each.skipped for each in summaries} == {50}


async def test_an_endless_race_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who is always faster is not waited for for ever."""
    _keep(shop, 1, 2)
    await _import(shop, [_row(1)])

    async def blind(*_: object) -> list[object]:
        return []

    async def nobody(*_: object) -> dict[str, str]:
        return {}

    monkeypatch.setattr(importing, "links_of_names", blind)
    monkeypatch.setattr(importing, "customers_by_id", nobody)
    monkeypatch.setattr(importing, "customers_by_psp", nobody)
    with pytest.raises(PaygateError) as busy:
        await _import(shop, [_row(1)], _options("r-2"))
    assert busy.value.reason is Reason.OPERATION_IN_PROGRESS


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.fixed_dictionaries(
            {},
            optional={
                "old_customer_id": st.sampled_from(["s-0", "s-1"]),
                "customer_id": st.sampled_from(["cus_0", "cus_1"]),
                "card_id": st.sampled_from(["pm_0", "pm_1"]),
                "card_last4": st.sampled_from(["1111", "2222"]),
            },
        ),
    ),
    max_size=12,
)


@pytest.mark.parametrize("dialect", ["sqlite"])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_ROWS, cut=st.integers(0, 12))
async def test_a_file_in_two_parts_is_the_file(
    shop: Shop, rows: list[tuple[int, dict[str, str]]], cut: int
) -> None:
    """Batches, restarts and repetitions change nothing of what becomes of a line."""
    mark = _Counter.next()
    lines = [
        _row(n, **changes)
        .replace("s-", f"s{mark}-")
        .replace("cus_", f"cus{mark}_")
        .replace("A-", f"A{mark}-")
        .replace("pm_", f"pm{mark}_")
        for n, changes in rows
    ]
    for n in range(4):
        shop.office.add(f"A{mark}-{n}", customer_id=f"s{mark}-{n}")

    first = await _import(shop, lines[:cut], _options(f"{mark}-1"))
    second = await _import(shop, lines[cut:], _options(f"{mark}-2"))
    again = await _import(shop, lines, _options(f"{mark}-3"))

    assert again.moved == 0
    assert again.skipped == first.moved + first.skipped + second.moved + second.skipped
    assert again.refused == first.refused + second.refused
    links = await links_of_names(shop.database, [f"A{mark}-{n}" for n in range(4)])
    assert len(links) == first.moved + second.moved
    assert len({link.legacy for link in links}) == len(links)
    owners: dict[str, set[str]] = {}
    for link in links:
        owners.setdefault(link.psp_customer, set()).add(link.customer_id)
        owners.setdefault(link.moved_to.psp_alias, set()).add(link.customer_id)
    assert all(len(owner) == 1 for owner in owners.values())


class _Counter:
    """Numbers the examples, which share one database."""

    value = 0

    @classmethod
    def next(cls) -> int:
        cls.value += 1
        return cls.value


def _refused_rows(count: int) -> Iterator[bytes]:
    yield _HEAD.encode()
    for at in range(0, count, 100):
        yield "".join(_row(n) for n in range(at, at + 100)).encode()


async def _peak_bytes(shop: Shop, count: int) -> int:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in _refused_rows(count):
            shop.office.calls.clear()  # the fake's own memory
            yield piece

    gc.collect()
    tracemalloc.start()
    try:
        summary = await shop.open_aliases().import_file(_options(f"r-{count}"), pieces())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert _counts(summary) == (0, 0, count)
    assert len(summary.refusals) == MOST_REFUSALS
    return peak


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_memory_does_not_grow_with_the_file(shop: Shop) -> None:
    """Eight times the lines, the same peak; the worst file, of which every line is refused."""
    await _peak_bytes(shop, 1_000)  # what is loaded and compiled once

    few, many = await _peak_bytes(shop, 2_000), await _peak_bytes(shop, 16_000)

    assert many < few * 1.2
