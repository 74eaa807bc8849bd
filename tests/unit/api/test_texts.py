"""Reading free text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.api import texts

_CARDS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "378282246310005",
    "3782 822463 10005",
    "30569309025904",
    "4242.4242.4242.4242",
    "4242/4242/4242/4242",
    "4242\u20134242\u20134242\u20134242",
    "4242\u202f4242\u202f4242\u202f4242",
    "4242\u200b4242\u200b4242\u200b4242",
    "4242  -  4242  -  4242  -  4242",
    "4242+4242+4242+4242",
    "\uff14\uff12" * 8,  # full-width
    "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢",
    "4222222222222",
    "6304000000000000000",
]
_parse_url = texts.return_url(("4242424242424242", ""))


@pytest.mark.parametrize("card", _CARDS)
@pytest.mark.parametrize("frame", ["{}", "card {} exp 12/29", "x{}x", "5%{}", "{} 123", "12 {}"])
def test_a_card_number_is_found_anywhere_in_a_text(card: str, frame: str) -> None:
    """13 to 19 digits that pass Luhn, with spaces or dashes, whatever stands around."""
    assert texts.holds_card_number(frame.format(card))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",
        "424242424242",
        "order 12345",
        "1700000000000",
        "+33 6 12 34 56 78",
        "42424242424242424242424242",
        "from 24.11.2026 to 25.11.2026",
        "20261124103001",
    ],
)
def test_other_digits_are_no_card_number(text: str) -> None:
    """A wrong checksum, too few or too many digits, a time in milliseconds."""
    assert not texts.holds_card_number(text)


@pytest.mark.parametrize(
    "parse, given",
    [
        (texts.email, ""),
        (texts.email, "ada+tag@example.com"),
        (texts.email, "アダ@例え.jp"),
        (texts.email, "a" * 308 + "@example.com"),
        (texts.name, ""),
        (texts.name, "Renée O'Connor-Müller"),
        (texts.name, "n" * 200),
        (texts.phone, ""),
        (texts.phone, "+33612345678"),
        (texts.phone, "01 23 45 67 89"),
        (texts.phone, "+49 176 1234 5673"),
        (texts.phone, "+4222222222222"),
        (texts.note, "asked sk_ and Bearer of bad news, 24.11.2026"),
        (texts.file_name, "refunds_20261124_103000_008.csv"),
        (texts.locale, ""),
        (texts.locale, "fr-FR"),
        (texts.locale, "zh-Hant-TW"),
        (texts.locale, "es-419"),
    ],
)
def test_a_good_text_is_taken_as_it_is(parse: Callable[[str], str], given: str) -> None:
    """Profiles reach the PSP as the caller wrote them; a number with a plus is a telephone's."""
    assert parse(given) == given


@pytest.mark.parametrize(
    "parse, given, problem",
    [
        (texts.email, "ada", "no e-mail address"),
        (texts.email, "a@b@c", "no e-mail address"),
        (texts.email, "@example.com", "no e-mail address"),
        (texts.email, "ada@", "no e-mail address"),
        (texts.email, "a da@example.com", "no e-mail address"),
        (texts.email, "a" * 309 + "@example.com", "at most 320"),
        (texts.email, "ada@example.com\n", "control characters"),
        (texts.email, "4242424242424242@example.com", "card number"),
        (texts.name, "n" * 201, "at most 200"),
        (texts.name, "Ada\x00", "control characters"),
        (texts.name, "Ada\u2028Lovelace", "control characters"),
        (texts.name, "Ada \x85", "control characters"),
        (texts.name, "Ada 4242 4242 4242 4242", "card number"),
        (texts.phone, "0" * 41, "at most 40"),
        (texts.phone, "06\t12", "control characters"),
        (texts.phone, "4242424242424242", "card number"),
        (texts.phone, "+4242424242424242", "card number"),
        (texts.note, "card 4242.4242.4242.4242", "card number"),
        (texts.note, "key sk_live_abc", "key or a secret"),
        (texts.note, "pi_1_secret_2", "key or a secret"),
        (texts.name, "whsec_abc", "key or a secret"),
        (texts.file_name, "", "is required"),
        (texts.file_name, "f" * 256, "at most 255"),
        (texts.file_name, "4242424242424242.csv", "card number"),
        (texts.locale, "fr_FR", "BCP 47"),
        (texts.locale, "f", "BCP 47"),
        (texts.locale, "fr-", "BCP 47"),
        (texts.locale, "fr-" + "a" * 33, "at most 35"),
        (texts.locale, "fr-4242424-2424242-42", "card number"),
    ],
)
def test_a_bad_text_is_refused(parse: Callable[[str], str], given: str, problem: str) -> None:
    """Each with its own reason."""
    with pytest.raises(ValueError, match=problem):
        parse(given)


def test_a_refused_text_is_not_repeated() -> None:
    """A violation is logged and answered: what was sent must not travel with it."""
    with pytest.raises(ValueError, match="card number") as caught:
        texts.name("Ada 4242424242424242")
    assert "4242" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "https://shop.example",
        "https://shop.example:8443/return?order=A%20B&x=[1]#done",
        "http://localhost:3000/return",
        "http://127.0.0.1/return",
        "http://[::1]:8080/return",
        "https://xn--bcher-kva.example/",
        "https://shop.example/" + "a" * 2027,
        "https://shop.example/0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f",
        "https://shop.example/42424242-4242-4242-8000-000000000000",
        "https://shop.example/session/a4242424242424242b",
        "https://shop.example/return?order=4242424242424242",
    ],
)
def test_a_good_return_url_is_taken_as_it_is(given: str) -> None:
    """https, or http on this very machine; digits of the request's own ids are no card's."""
    assert _parse_url(given) == given


@pytest.mark.parametrize(
    "given, problem",
    [
        ("http://shop.example/", "must begin with https"),
        ("http://127.0.0.1.shop.example/", "must begin with https"),
        ("http://localhost.shop.example/", "must begin with https"),
        ("ftp://shop.example/", "must begin with https"),
        ("javascript:alert(1)", "names no host"),
        ("shop.example/return", "names no host"),
        ("//shop.example/return", "must begin with https"),
        ("https://", "names no host"),
        ("https:///return", "names no host"),
        ("https://shop.example:x/", "is no address"),
        ("https://[::1/", "is no address"),
        ("https://user@shop.example/", "user or password"),
        ("https://user:pw@shop.example/", "user or password"),
        ("https://@shop.example/", "user or password"),
        ("https://shop.example/\r\nX: y", "control characters"),
        ("https://shop.example/\x7f", "control characters"),
        ("https://shop.example/a b", "cannot have"),
        ("https://shop.example\\@evil.example/", "cannot have"),
        ("https://shop.example/é", "cannot have"),
        ("https://shop.example/" + "a" * 2028, "at most 2048"),
        ("https://shop.example/?pan=378282246310005", "card number"),
        ("https://shop.example/?pan=4242%204242%204242%204242", "card number"),
        ("https://shop.example/?key=sk_live_abc", "key or a secret"),
        ("https://shop.example/?payment=pi_1%5Fsecret%5F2", "key or a secret"),
        ("https://shop.example/?pan=3782-822463-10005", "card number"),
    ],
)
def test_a_bad_return_url_is_refused(given: str, problem: str) -> None:
    """A browser is sent there: nothing in it may be read in two ways."""
    with pytest.raises(ValueError, match=problem):
        _parse_url(given)
