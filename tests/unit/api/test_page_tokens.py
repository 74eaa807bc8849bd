"""Page tokens."""

from __future__ import annotations

import base64

import pytest

from gateway.api.page_tokens import cursor_of, page_token

_FILTERS = ("order-1", "", "2", "")


def _cursor(text: str) -> int:
    return int(text)


_parse = cursor_of("ListThings", _FILTERS, _cursor, 0)


def test_a_token_leads_back_to_its_cursor() -> None:
    """The page after the one that gave it."""
    assert _parse(page_token("ListThings", _FILTERS, "17")) == 17


def test_no_token_is_the_first_page() -> None:
    """The list begins where nothing was seen yet."""
    assert _parse("") == 0


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        page_token("ListOthers", _FILTERS, "17"),
        page_token("ListThings", ("order-2", "", "2", ""), "17"),
        page_token("ListThings", ("order-1", "2", "", ""), "17"),
        page_token("ListThings", _FILTERS, "seventeen"),
        "17",
        "%%%",
        "é",
        _encoded("1"),
        _encoded("1:0000000000000000:17"),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        "A" * 257,
    ],
)
def test_a_token_of_another_list_is_refused(token: str) -> None:
    """Another list, other filters, another version, or nothing that we ever made."""
    with pytest.raises(ValueError, match="no token of this list"):
        _parse(token)


def test_a_token_of_another_version_is_refused() -> None:
    """A later release may change what tokens hold."""
    own = page_token("ListThings", _FILTERS, "17")
    text = base64.urlsafe_b64decode(own + "=" * (-len(own) % 4)).decode()
    with pytest.raises(ValueError, match="no token of this list"):
        _parse(_encoded(text.replace("1:", "2:", 1)))
