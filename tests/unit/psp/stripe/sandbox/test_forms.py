"""Bracketed forms into trees, and trees into checked parameters."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.checking import Kind, Rule, checked
from psp.stripe.sandbox.forms import Tree, parse_form

_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=1, max_size=8)
_TREES = st.recursive(
    st.text(st.characters(codec="utf-8"), max_size=8),
    lambda below: st.dictionaries(_NAMES, below, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_NAMES, _TREES, max_size=3))
def test_what_the_sdk_encodes_is_read_back(tree: Tree) -> None:
    """Whatever the official SDK sends arrives as it was."""
    assert parse_form(urlencode(list(_api_encode(tree)))) == tree


def test_arrays_come_with_and_without_numbers() -> None:
    """`a[0]=x` and `a[]=x` are both arrays, in their own order."""
    rules = {"a": Rule(Kind.TEXTS)}

    assert checked(parse_form("a[10]=z&a[9]=y"), rules).texts("a") == ["y", "z"]
    assert checked(parse_form("a[]=x&a[]=y"), rules).texts("a") == ["x", "y"]


@pytest.mark.parametrize("encoded", ["a=1&a[b]=2", "a[b]=2&a=1", "a[b]=1&a[b][c]=2"])
def test_a_value_is_not_a_hash_too(encoded: str) -> None:
    """A parameter cannot be both."""
    with pytest.raises(ApiError):
        parse_form(encoded)


@pytest.mark.parametrize("encoded", ["[a]=1", "a]=1", "a[b=1", "a[b]c=1", "=1"])
def test_a_broken_name_is_an_unknown_parameter(encoded: str) -> None:
    """What cannot be read is told by name, not guessed."""
    with pytest.raises(ApiError) as refused:
        checked(parse_form(encoded), {"a": Rule(Kind.TEXT)})

    assert refused.value.code == "parameter_unknown"


def test_an_empty_value_unsets_or_is_refused() -> None:
    """An empty string is None where a value may be unset."""
    assert checked({"a": ""}, {"a": Rule(Kind.TEXT)}).values == {"a": None}
    with pytest.raises(ApiError) as refused:
        checked({"a": ""}, {"a": Rule(Kind.TEXT, clearable=False)})
    assert refused.value.code == "parameter_invalid_empty"


@pytest.mark.parametrize("moment, bounds", [("5", {"gte": 5, "lte": 5}), ({"gt": "1"}, {"gt": 1})])
def test_a_range_is_a_moment_or_bounds(moment: str | Tree, bounds: dict[str, int]) -> None:
    """`created=5` means exactly then."""
    parameters = checked({"created": moment}, {"created": Rule(Kind.RANGE)})

    assert parameters.bounds("created") == bounds
