"""The page about PSPs: what each can do and which scenarios it plays, written from the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from psp.conformance.skips import Scenario, Skip
from psp.methods import MethodTraits
from psp.money import CURRENCY_DECIMALS, Money
from psp.port import Capability
from psp.registry import PspKind

_C = Capability
MEANINGS: Final[Mapping[Capability, str]] = MappingProxyType(
    {
        _C.CUSTOMERS: "keeps shoppers, whom saved methods belong to",
        _C.ALIASES: "lists saved methods, saves without a payment, chooses the default, deletes",
        _C.CREATE_PAYMENT: "payments on the shopper's page, and charges of a saved method",
        _C.FIND_PAYMENT: "finds a payment by our reference alone",
        _C.CAPTURE: "takes the money of an authorisation",
        _C.PARTIAL_CAPTURE: "takes a part of it and releases the rest",
        _C.CANCEL: "releases an authorisation",
        _C.REFUNDS: "gives captured money back, in full or in parts, and lists what was given back",
        _C.EVENTS: "tells of changes by signed webhooks",
        _C.LIST_EVENTS: "lists past events: the way back after an outage",
        _C.SETTLEMENTS: "tells line by line what moved on our balance in a period",
        _C.REVIEWS: "tells of fraud reviews, open and closed",
        _C.IDEMPOTENT_MUTATIONS: "takes the same change again under the same key",
    }
)
"""What each capability means; a test proves that none is missing."""

_HEAD: Final = """\
# PSPs

<!-- Written by scripts/psp_table.py from the code: change that, then run `make gen`. -->

What each PSP's adapter can do, within which limits, and which promises of the port it is held to by
the conformance suite (`psp/conformance/`). How to add one: [adding-a-psp.md](adding-a-psp.md).
"""
_YES: Final = "yes"
_NO: Final = "-"
_DAY_S: Final = timedelta(days=1).total_seconds()
_HOUR_S: Final = timedelta(hours=1).total_seconds()


def psps_page(kinds: Sequence[PspKind], scenarios: Sequence[Scenario]) -> str:
    """Return the page as Markdown."""
    sections = (
        ("Capabilities", "", _capabilities(kinds)),
        ("Books and limits", "", _notes(kinds)),
        ("Methods", _METHODS_NOTE, _methods(kinds)),
        ("Amounts", _AMOUNTS_NOTE, _amounts(kinds)),
        ("Scenarios", _scenarios_note(kinds, scenarios), _scenarios(kinds, scenarios)),
    )
    return _HEAD + "".join(
        f"\n## {title}\n\n{note}{_table(rows)}" for title, note, rows in sections
    )


def _capabilities(kinds: Sequence[PspKind]) -> Iterator[Sequence[str]]:
    yield ("capability", *(kind.name for kind in kinds), "what it means")
    for capability in Capability:
        has = (_YES if capability in kind.capabilities else _NO for kind in kinds)
        yield (f"`{capability}`", *has, MEANINGS[capability])
    lifetimes = (_lifetime(kind.idempotency_lifetime_s) for kind in kinds)
    yield ("a key lives", *lifetimes, "for so long the same key may be sent again")


_OGONES_BOOKS: Final = (
    "Its books are the download of payments: gross sums of operations. It tells neither fees nor "
    "payouts nor balances, so that totals close against operations only."
)
_OGONES_DAYS: Final = (
    "Its days are told without a time zone and taken for European ones. A day is read once it is "
    "over in UTC; an operation around midnight may be in the next day's download."
)
_OGONES_OPERATIONS: Final = (
    "A refund is settled by PAYID/PAYIDSUB. Without PAYIDSUB in the download refunds cannot be "
    "told apart, and it is refused: the column is added in Ogone's back office."
)
_OGONES_BATCHES: Final = (
    "Its batch upload (`AFU_agree.asp`) is not used: refunds are made one by one, and each answer "
    "names the operation that the books settle later."
)
NOTES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {"ogone": (_OGONES_BOOKS, _OGONES_DAYS, _OGONES_OPERATIONS, _OGONES_BATCHES)}
)
"""What somebody who reconciles must know of a PSP, by its name."""


def _notes(kinds: Sequence[PspKind]) -> Iterator[Sequence[str]]:
    yield ("PSP", "what to know")
    for kind in kinds:
        for note in NOTES.get(kind.name, ()):
            yield (kind.name, note)


_METHODS_NOTE: Final = """\
Presentation: `embedded` shows fields of the PSP's library in the shop's page, `redirect` sends the
shopper to the PSP. The windows are the usual ones; a payment itself says exactly when it lapses.

"""


def _methods(kinds: Sequence[PspKind]) -> Iterator[Sequence[str]]:
    yield ("PSP", "method", "presentation", "currencies", "authorisation holds", "refundable for")
    for kind in kinds:
        for method, traits in kind.methods.items():
            yield (
                kind.name,
                f"`{method}`",
                f"`{traits.presentation}`",
                _currencies(traits.currencies),
                _window(traits.authorization_window),
                _window(traits.refund_window),
            )


_AMOUNTS_NOTE: Final = """\
From the smallest to the largest amount: `any` and `...` where we know of no limit, `-` for a
currency that the method is not offered in. Currencies that no PSP sets a smallest amount for are
left out.

"""


def _amounts(kinds: Sequence[PspKind]) -> Iterator[Sequence[str]]:
    columns = [(kind, method, traits) for kind in kinds for method, traits in kind.methods.items()]
    yield ("currency", *(f"{kind.name} `{method}`" for kind, method, _ in columns))
    named = {currency for _, _, traits in columns for currency in traits.min_amount_minor}
    for currency in sorted(named):
        yield (currency, *(_range(traits, currency) for _, _, traits in columns))


def _scenarios_note(kinds: Sequence[PspKind], scenarios: Sequence[Scenario]) -> str:
    played = ", ".join(
        f"{kind.name} {sum(not each.missing(kind.capabilities) for each in scenarios)}"
        for kind in kinds
    )
    return (
        f"Of {len(scenarios)} scenarios each PSP plays: {played}. For the others, the reason.\n\n"
    )


def _scenarios(kinds: Sequence[PspKind], scenarios: Sequence[Scenario]) -> Iterator[Sequence[str]]:
    yield ("scenario", "promise", *(kind.name for kind in kinds))
    for scenario in scenarios:
        yield (
            f"`{scenario.name}`",
            scenario.title,
            *(_played(scenario, kind) for kind in kinds),
        )


def _played(scenario: Scenario, kind: PspKind) -> str:
    missing = scenario.missing(kind.capabilities)
    return Skip(scenario, missing).reason if missing else "plays"


def _lifetime(lifetime_s: float) -> str:
    return f"{lifetime_s / _HOUR_S:g} h" if lifetime_s else _NO


def _window(window: timedelta | None) -> str:
    return f"{window.total_seconds() / _DAY_S:g} days" if window else "no limit known"


def _currencies(currencies: frozenset[str] | None) -> str:
    if currencies is None:
        return "all"
    others = set(CURRENCY_DECIMALS) - currencies
    if len(others) < len(currencies):
        return f"all but {_words(others)}"
    return _words(currencies)


def _range(traits: MethodTraits, currency: str) -> str:
    if not traits.takes_currency(currency):
        return _NO
    limits = (traits.min_amount_minor.get(currency), traits.max_amount_minor.get(currency))
    if limits == (None, None):
        return "any"
    return " to ".join(
        "..." if minor is None else str(Money(minor, currency)).partition(" ")[0]
        for minor in limits
    )


def _words(words: Iterable[str]) -> str:
    return " ".join(sorted(words))


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *rest = rows
    lines = (head, ["---"] * len(head), *rest)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
