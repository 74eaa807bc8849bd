"""What becomes of one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from gateway.aliases.import_lines import read_line
from gateway.aliases.import_rules import Known, Move, Skip, Verdict, judge
from gateway.aliases.import_values import (
    ImportOptions,
    ImportRefusalReason,
    MappingLine,
    Refusal,
)
from gateway.domain.aliases import AliasLink, AliasReference
from gateway.domain.requests import RequestKey
from legacy_bridge.port import LegacyAlias
from tests.support.fake_office import CARD_OF

R = ImportRefusalReason
_OPTIONS = ImportOptions(RequestKey("t", "ImportAliases", "r"), "stripe_eu")
_KEPT = replace(CARD_OF, psp_account="ogone_be")


def _line(
    customer: str = "shopper-1", cus: str = "cus_1", card: str = "pm_1", last4: str = "1111"
) -> MappingLine:
    read = read_line(2, f"{customer},{cus},A-1,{card},fp,{last4},12,2030,visa".encode())
    assert isinstance(read, MappingLine)
    return read


def _link(line: MappingLine, **changes: Any) -> AliasLink:
    link = AliasLink(
        AliasReference("ogone_be", line.old_card_id),
        AliasReference("stripe_eu", line.card_id),
        line.old_customer_id,
        line.customer_id,
        line.digest,
    )
    return replace(link, **changes)


def _known(
    kept: Iterable[LegacyAlias] = (_KEPT,),
    links: Iterable[AliasLink] = (),
    cards: Iterable[AliasLink] = (),
    customers: dict[str, str] | None = None,
    owners: dict[str, str] | None = None,
) -> Known:
    known = Known(links, cards, customers or {}, owners or {})
    for alias in kept:
        known.legacy.setdefault(alias.alias, []).append(alias)
    return known


def _reason(verdict: Verdict) -> ImportRefusalReason:
    assert isinstance(verdict, Refusal)
    assert verdict.message
    return verdict.reason


def test_a_good_line_links_the_alias_to_its_card() -> None:
    """And the shopper to the PSP's customer, if she has none yet."""
    line = _line()

    assert judge(line, _known(), _OPTIONS) == Move(_link(line), is_new_customer=True)
    linked = _known(customers={"shopper-1": "cus_1"}, owners={"cus_1": "shopper-1"})
    assert judge(line, linked, _OPTIONS) == Move(_link(line), is_new_customer=False)


@pytest.mark.parametrize("kept", [(_KEPT,), ()], ids=["still kept", "deleted since"])
def test_the_same_line_again_is_skipped(kept: tuple[LegacyAlias, ...]) -> None:
    """Also once the back office no longer keeps the alias."""
    line = _line()

    assert isinstance(judge(line, _known(kept, links=[_link(line)]), _OPTIONS), Skip)


@pytest.mark.parametrize(
    "known,reason",
    [
        pytest.param(_known(()), R.UNKNOWN_ALIAS, id="not kept"),
        pytest.param(
            _known([replace(_KEPT, customer_id="shopper-2")]), R.OTHER_CUSTOMER, id="another's"
        ),
        pytest.param(
            _known([_KEPT, replace(_KEPT, psp_account="ogone_nl")]), R.AMBIGUOUS_ALIAS, id="twice"
        ),
        pytest.param(_known([replace(_KEPT, last4="2222")]), R.OTHER_CARD, id="another card"),
        pytest.param(_known([replace(_KEPT, last4="")]), R.OTHER_CARD, id="no card"),
        pytest.param(
            _known(links=[_link(_line(card="pm_2"))]), R.OTHER_CONTENT, id="moved elsewhere"
        ),
        pytest.param(
            _known((), links=[_link(_line(card="pm_2"))]), R.OTHER_CONTENT, id="moved and deleted"
        ),
        pytest.param(
            _known(customers={"shopper-1": "cus_2"}), R.LINKED_OTHERWISE, id="another customer"
        ),
        pytest.param(_known(customers={"shopper-1": ""}), R.LINKED_OTHERWISE, id="being created"),
        pytest.param(_known(owners={"cus_1": "shopper-2"}), R.TAKEN, id="a taken customer"),
        pytest.param(
            _known(cards=[_link(_line(customer="shopper-2"))]), R.TAKEN, id="a taken card"
        ),
    ],
)
def test_a_line_that_does_not_fit_is_refused(known: Known, reason: ImportRefusalReason) -> None:
    """Each for its reason, and nothing of it is done."""
    assert _reason(judge(_line(), known, _OPTIONS)) is reason


def test_every_reason_of_the_rules_is_proved() -> None:
    """Those of the form are the reader's."""
    marks = test_a_line_that_does_not_fit_is_refused.pytestmark  # type: ignore[attr-defined] # pytest's own
    proved = {case.values[1] for case in marks[0].args[1]}

    assert proved == set(R) - {R.MALFORMED, R.WRONG_ENCODING}


def test_naming_the_account_settles_which_is_meant() -> None:
    """Of two aliases of one name."""
    known = _known([_KEPT, replace(_KEPT, psp_account="ogone_nl")])
    options = replace(_OPTIONS, legacy_account="ogone_nl")

    moved = judge(_line(), known, options)

    assert isinstance(moved, Move)
    assert moved.link.legacy.psp_account == "ogone_nl"


def test_the_customer_settles_which_is_meant() -> None:
    """Two shoppers may have aliases of one name at two accounts."""
    known = _known([_KEPT, replace(_KEPT, psp_account="ogone_nl", customer_id="shopper-2")])

    moved = judge(_line(), known, _OPTIONS)

    assert isinstance(moved, Move)
    assert moved.link.legacy.psp_account == "ogone_be"


def test_a_batch_learns_from_its_own_lines() -> None:
    """What a line moves is known to the next ones: duplicates, the customer, the card."""
    known = _known([_KEPT, replace(_KEPT, alias="A-2", customer_id="shopper-2")])
    line = _line()
    moved = judge(line, known, _OPTIONS)
    assert isinstance(moved, Move)
    known.add(moved.link)

    assert isinstance(judge(line, known, _OPTIONS), Skip)
    assert _reason(judge(_line(card="pm_2"), known, _OPTIONS)) is R.OTHER_CONTENT
    other = replace(_line(customer="shopper-2", card="pm_3"), old_card_id="A-2")
    assert _reason(judge(other, known, _OPTIONS)) is R.TAKEN


def test_the_same_line_for_another_account_is_other_content() -> None:
    """A card was moved once, to one place."""
    line = _line()
    known = _known(links=[_link(line, moved_to=AliasReference("stripe_us", "pm_1"))])

    assert _reason(judge(line, known, _OPTIONS)) is R.OTHER_CONTENT
