"""DirectLink's XML, read tolerantly and safely."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.ogone.answers import MAX_BYTES, UnreadableAnswerError, parse_answer
from tests.unit.psp.ogone.support import reply


def test_case_and_order_of_attributes_do_not_matter() -> None:
    """Nor does what is added to them."""
    answer = parse_answer(b'<NCResponse status="5" new="x" payID="1" ncerror="0" Amount=" 5 "/>')

    assert (answer.status, answer.text("PAYID"), answer.text("amount")) == ("5", "1", "5")
    assert answer.text("missing") == ""


@pytest.mark.parametrize("code,read", [("", ""), ("0", ""), ("50001127", "50001127")])
def test_zero_is_no_error(code: str, read: str) -> None:
    """Success is written "0" or not at all."""
    assert read == parse_answer(reply(NCERROR=code)).error_code


@pytest.mark.parametrize(
    "said,read",
    [("!", ""), ("", ""), ("|this order is not authorized|", "this order is not authorized")],
)
def test_an_exclamation_mark_is_no_text(said: str, read: str) -> None:
    """Ogone's way of having nothing to say; bars around a text are its own, too."""
    assert read == parse_answer(reply(NCERRORPLUS=said)).error_text


@pytest.mark.parametrize(
    "body",
    [
        '<?xml version="1.0" encoding="ISO-8859-1"?><ncresponse CN="Zoé"/>'.encode("iso-8859-1"),
        '<?xml version="1.0"?><ncresponse CN="Zoé"/>'.encode("iso-8859-1"),
        '<?xml version="1.0" encoding="windows-1252"?><ncresponse CN="Zoé"/>'.encode("cp1252"),
        '<?xml version="1.0" encoding="UTF-8"?><ncresponse CN="Zoé"/>'.encode(),
        '<ncresponse CN="Zoé"/>'.encode(),
        b'\xef\xbb\xbf<ncresponse CN="Zo\xc3\xa9"/>',
        '<?xml version="1.0" encoding="no-such"?><ncresponse CN="Zoé"/>'.encode("iso-8859-1"),
    ],
    ids=["latin1", "latin1-undeclared", "cp1252", "utf8", "utf8-undeclared", "bom", "odd"],
)
def test_every_encoding_is_read(body: bytes) -> None:
    """As it is declared; what is not, or wrongly, is UTF-8 if it can be and else ISO-8859-1."""
    assert parse_answer(body).text("CN") == "Zoé"


def test_a_page_inside_is_passed_over() -> None:
    """A 3-D Secure reply carries HTML for the shopper's browser."""
    body = b'<ncresponse STATUS="46"><HTML_ANSWER>PGh0bWw+</HTML_ANSWER></ncresponse>'

    assert parse_answer(body).status == "46"


_ENTITY = b'<!DOCTYPE x [<!ENTITY a "5">]><ncresponse STATUS="&a;"/>'
_BILLION_LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>'
    b"<ncresponse>&c;</ncresponse>"
)
_EXTERNAL = b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><ncresponse STATUS="5"/>'


@pytest.mark.parametrize(
    "body",
    [
        _ENTITY,
        _BILLION_LAUGHS,
        _EXTERNAL,
        b"",
        b"<html>Bad gateway</html>",
        b"STATUS=5",
        b'<ncresponse STATUS="5"',
        b'<ncresponse STATUS="5"/><ncresponse STATUS="9"/>',
        b'<ncresponse STATUS="5" status="9"/>',
        b'<ncresponse STATUS="5" STATUS="5"/>',
        b'<ncresponse STATUS="&nbsp;"/>',
        b'<ncresponse STATUS="5"/>' + b" " * MAX_BYTES,
    ],
    ids=[
        "entity",
        "billion-laughs",
        "external",
        "empty",
        "html",
        "text",
        "cut",
        "two-roots",
        "two-statuses",
        "twice",
        "unknown-entity",
        "huge",
    ],
)
def test_what_is_no_single_whole_reply_is_not_read(body: bytes) -> None:
    """It proves nothing; a document type or an entity is an attack."""
    with pytest.raises(UnreadableAnswerError):
        parse_answer(body)


def test_an_answer_shows_nothing_of_itself() -> None:
    """It may hold personal data, which no log should get by accident."""
    assert "Zo" not in repr(parse_answer(reply(CN="Zora")))


@given(st.binary(max_size=200), st.sampled_from([b"", b"<ncresponse ", b"<?xml version='1.0' "]))
def test_any_bytes_are_refused_in_an_orderly_way(body: bytes, start: bytes) -> None:
    """Nothing but `UnreadableAnswerError` ever escapes."""
    with suppress(UnreadableAnswerError):
        parse_answer(start + body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "shift_jis", "idna", "hex", "base64"])
def test_odd_encodings_are_refused_in_an_orderly_way(encoding: str) -> None:
    """What Python calls an encoding need not be one of text."""
    body = f'<?xml version="1.0" encoding="{encoding}"?><ncresponse CN="Zo\xe9"/>'

    with suppress(UnreadableAnswerError):
        assert parse_answer(body.encode("iso-8859-1")).text("CN") == "Zo\xe9"
