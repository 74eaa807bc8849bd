"""One list out of several sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.aliases.merging import Answer, SourceAnswer, legacy_alias, merged, psp_alias
from gateway.aliases.values import BACK_OFFICE, ShopperAlias, UnavailableSource, Wanted
from gateway.domain.aliases import AliasLink, AliasReference, has_expired
from psp.port import PaymentMethod, PspAlias
from tests.support.fake_office import CARD_OF

_NOW = datetime(2026, 3, 15, tzinfo=UTC)
_CARD, _PAYPAL = PaymentMethod.CARD, PaymentMethod.PAYPAL
_STRIPE, _OGONE = "stripe_eu", "ogone_be"
_ALL: Wanted = {_STRIPE: frozenset(PaymentMethod), _OGONE: frozenset(PaymentMethod)}
_DOWN = UnavailableSource(_STRIPE, "is not available")


def _stripe(name: str, *, is_default: bool = False) -> ShopperAlias:
    card = PspAlias(name, _CARD, "visa", "1111", 12, 2030, is_default)
    return psp_alias(_STRIPE, card, _NOW)


def _ogone(name: str, *, is_default: bool = False) -> ShopperAlias:
    kept = replace(CARD_OF, alias=name, psp_account=_OGONE, is_default=is_default)
    made = legacy_alias(kept, _NOW)
    assert made is not None
    return made


def _answers(stripe: Sequence[ShopperAlias], ogone: Sequence[ShopperAlias]) -> list[Answer]:
    return [SourceAnswer(_STRIPE, stripe), SourceAnswer(BACK_OFFICE, ogone)]


def _link(legacy: str, moved_to: str) -> AliasLink:
    return AliasLink(
        AliasReference(_OGONE, legacy), AliasReference(_STRIPE, moved_to), "shopper-1", "cus_1", "d"
    )


def _names(aliases: Sequence[ShopperAlias]) -> list[str]:
    return [each.alias.psp_alias for each in aliases]


def test_both_sources_are_in_the_list() -> None:
    """Each alias under an id that names its account."""
    listed = merged(_answers([_stripe("pm_1")], [_ogone("A-1")]), [], None, _ALL)

    assert [each.reference for each in listed] == [
        AliasReference(_STRIPE, "pm_1"),
        AliasReference(_OGONE, "A-1"),
    ]


def test_a_moved_card_is_shown_once() -> None:
    """As what it became; others stay."""
    answers = _answers([_stripe("pm_1")], [_ogone("A-1"), _ogone("A-2")])

    assert _names(merged(answers, [_link("A-1", "pm_1")], None, _ALL)) == ["pm_1", "A-2"]


def test_a_moved_card_that_is_gone_stays_gone() -> None:
    """The account that it was moved to has the last word about it."""
    assert merged(_answers([], [_ogone("A-1")]), [_link("A-1", "pm_1")], None, _ALL) == []


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([_DOWN, SourceAnswer(BACK_OFFICE, [_ogone("A-1")])], id="silent"),
        pytest.param([SourceAnswer(BACK_OFFICE, [_ogone("A-1")])], id="not to be charged here"),
    ],
)
def test_while_the_new_account_says_nothing_the_legacy_alias_is_there(
    answers: list[Answer],
) -> None:
    """It can still be charged, and it is still shown once."""
    assert _names(merged(answers, [_link("A-1", "pm_1")], None, _ALL)) == ["A-1"]


def test_only_what_is_wanted_is_shown() -> None:
    """By account and method."""
    answers = _answers([_stripe("pm_1")], [_ogone("A-1")])

    assert _names(merged(answers, [], None, {_OGONE: frozenset({_CARD})})) == ["A-1"]
    assert merged(answers, [], None, {_OGONE: frozenset({_PAYPAL})}) == []


@pytest.mark.parametrize(
    "stripe,ogone,chosen,expected",
    [
        pytest.param([], ["A-1"], None, "A-1", id="the one that a source names"),
        pytest.param(["pm_1"], ["A-1"], None, "pm_1", id="the first, if both do"),
        pytest.param(["pm_1"], ["A-1"], (_OGONE, "A-1"), "A-1", id="her choice before both"),
        pytest.param(["pm_1"], [], (_OGONE, "A-2"), "pm_1", id="her choice is a moved card"),
        pytest.param(["pm_2"], [], (_STRIPE, "pm_9"), "pm_2", id="her choice is gone"),
        pytest.param([], ["A-2"], None, "pm_1", id="a source's own was moved"),
        pytest.param([], [], None, None, id="none"),
    ],
)
def test_there_is_one_default_and_it_comes_first(
    stripe: list[str], ogone: list[str], chosen: tuple[str, str] | None, expected: str | None
) -> None:
    """`stripe` and `ogone` name the sources' own defaults; A-2 was moved to pm_1."""
    answers = _answers(
        [_stripe(name, is_default=name in stripe) for name in ("pm_3", "pm_1", "pm_2")],
        [_ogone(name, is_default=name in ogone) for name in ("A-1", "A-2")],
    )
    reference = None if chosen is None else AliasReference(*chosen)

    listed = merged(answers, [_link("A-2", "pm_1")], reference, _ALL)

    defaults = _names([each for each in listed if each.alias.is_default])
    assert defaults == ([] if expected is None else [expected])
    assert expected is None or _names(listed)[0] == expected
    assert sorted(_names(listed)) == ["A-1", "pm_1", "pm_2", "pm_3"]


_NUMBERS = st.integers(1, 5)


@given(
    stripe=st.lists(st.tuples(_NUMBERS, st.booleans()), unique_by=lambda pair: pair[0]),
    ogone=st.lists(st.tuples(_NUMBERS, st.booleans()), unique_by=lambda pair: pair[0]),
    links=st.lists(st.tuples(_NUMBERS, _NUMBERS), unique_by=lambda pair: pair[0]),
    chosen=st.none() | st.tuples(st.sampled_from([_STRIPE, _OGONE]), _NUMBERS),
    down=st.booleans(),
)
def test_whatever_the_sources_say_the_list_is_sound(
    stripe: list[tuple[int, bool]],
    ogone: list[tuple[int, bool]],
    links: list[tuple[int, int]],
    chosen: tuple[str, int] | None,
    down: bool,
) -> None:
    """No alias twice, at most one default and that first, no card under two names."""
    first: Answer = SourceAnswer(_STRIPE, [_stripe(str(n), is_default=d) for n, d in stripe])
    answers: list[Answer] = [
        _DOWN if down else first,
        SourceAnswer(BACK_OFFICE, [_ogone(str(n), is_default=d) for n, d in ogone]),
    ]
    made = [_link(str(old), str(new)) for old, new in links]
    choice = None if chosen is None else AliasReference(chosen[0], str(chosen[1]))

    listed = merged(answers, made, choice, _ALL)

    shown = [each.reference for each in listed]
    defaults = [each.alias.is_default for each in listed]
    assert len(shown) == len(set(shown))
    assert defaults == sorted(defaults, reverse=True)
    assert sum(defaults) <= 1
    assert not any(link.legacy in shown and link.moved_to in shown for link in made)
    if choice in shown:
        assert shown[0] == choice


@pytest.mark.parametrize(
    "month,year,expired",
    [
        (3, 2026, False),
        (2, 2026, True),
        (12, 2025, True),
        (1, 2027, False),
        (0, 0, False),
    ],
)
def test_a_card_is_good_to_the_end_of_its_month(month: int, year: int, expired: bool) -> None:
    """And what is no card never expires."""
    assert has_expired(month, year, _NOW) is expired
    card = PspAlias("pm_1", _CARD, "visa", "1111", month, year)
    assert psp_alias(_STRIPE, card, _NOW).has_expired is expired


def test_a_method_that_we_do_not_know_is_left_out() -> None:
    """The back office may keep more than can be charged here."""
    assert legacy_alias(replace(CARD_OF, method="cheque"), _NOW) is None
