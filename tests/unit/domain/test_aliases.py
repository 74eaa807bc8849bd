"""Ids of saved payment methods."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.domain.aliases import (
    MAX_ALIAS_ID_CHARACTERS,
    AliasReference,
    alias_id,
    parse_alias_id,
)
from psp.redaction import is_card_number

_CARD = AliasReference("stripe_eu", "pm_1")
_ACCOUNTS = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)
_ALIASES = st.from_regex(r"[!-~]([ -~]{0,80}[!-~])?", fullmatch=True)


@given(_ACCOUNTS, _ALIASES)
def test_an_id_is_read_as_it_was_made(account: str, psp_alias: str) -> None:
    """Whatever the PSP calls its alias, a colon included; the id itself is plain."""
    assume(not is_card_number(psp_alias))
    reference = AliasReference(account, psp_alias)

    made = alias_id(reference)

    assert re.fullmatch(r"als_[A-Za-z0-9_-]+", made)
    assert parse_alias_id(made) == reference


@given(st.text(max_size=60) | st.from_regex(r"als_[A-Za-z0-9_=+/-]{0,40}", fullmatch=True))
def test_a_text_is_the_one_spelling_of_an_id_or_none(text: str) -> None:
    """Nothing but what `alias_id` makes is taken, so that one alias has one id."""
    try:
        reference = parse_alias_id(text)
    except ValueError as refused:
        assert "GetPaymentProposal" in str(refused)  # noqa: PT017 - either end is right
    else:
        assert alias_id(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("als_", id="prefix alone"),
        pytest.param("pm_1", id="a PSP's own id"),
        pytest.param(alias_id(_CARD).removeprefix("als_"), id="no prefix"),
        pytest.param(alias_id(_CARD) + "=", id="padded"),
        pytest.param(alias_id(_CARD) + "\n", id="a line end"),
        pytest.param(alias_id(_CARD)[:-1], id="cut off"),
        pytest.param("als_\u00e9\u00e9", id="not ASCII"),
        pytest.param("als_gICA", id="not UTF-8"),
        pytest.param(alias_id(AliasReference("", "pm_1")), id="no account"),
        pytest.param(alias_id(AliasReference("stripe_eu", "")), id="no alias"),
        pytest.param("als_c3RyaXBlX2V1", id="no separator"),
        pytest.param(alias_id(AliasReference("a", "x" * MAX_ALIAS_ID_CHARACTERS)), id="too long"),
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    """The refusal says where ids come from."""
    with pytest.raises(ValueError, match="take one from GetPaymentProposal"):
        parse_alias_id(text)
